-- In a database restored from a backup: no run of its past is at work here, and the restore goes down in
-- its history. The caller has the transaction. Variables: label, taken_at, run_id, operator, tool_version.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.events') IS NOT NULL AS has_registry \gset
\if :has_registry
UPDATE pgmigrate.runs AS r
SET finished_at = pg_catalog.clock_timestamp()
WHERE r.finished_at IS NULL;
INSERT INTO pgmigrate.events (run_id, event, details, tool_version)
VALUES (
    :'run_id',
    'restored',
    pg_catalog.jsonb_build_object(
        'backup', :'label', 'taken_at', :'taken_at', 'operator', :'operator' || '@' || :'controller'
    ),
    :'tool_version'
);
\endif
