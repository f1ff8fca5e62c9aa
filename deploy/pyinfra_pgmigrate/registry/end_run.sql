-- Notes that a run has nothing more to do here: whoever comes next need not wait for it. Variables: run_id.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.runs') IS NOT NULL AS has_registry \gset
\if :has_registry
UPDATE pgmigrate.runs AS r
SET finished_at = pg_catalog.clock_timestamp()
WHERE r.run_id = :'run_id'::uuid
    AND r.finished_at IS NULL;
\endif
