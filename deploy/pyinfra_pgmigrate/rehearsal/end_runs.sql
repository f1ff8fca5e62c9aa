-- In a restored copy: no run of its past is at work here. Variables: none of its own.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.runs') IS NOT NULL AS has_registry \gset
\if :has_registry
UPDATE pgmigrate.runs AS r
SET finished_at = pg_catalog.clock_timestamp()
WHERE r.finished_at IS NULL;
\endif
