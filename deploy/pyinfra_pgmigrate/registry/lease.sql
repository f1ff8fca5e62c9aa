-- The other half of claim.sql, once the registry exists. Variables: those of claim.sql, stale_s.
SELECT EXISTS (
    SELECT 1
    FROM pgmigrate.runs AS r
    WHERE r.finished_at IS NULL
        AND r.seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => :'stale_s')
        AND r.run_id <> :'run_id'::uuid
) AS other_run \gset
\if :other_run
SELECT pg_catalog.json_build_object(
    'result', 'busy',
    'detail', (
        SELECT 'run ' || r.run_id || ' of ' || r.operator || '@' || r.controller
        FROM pgmigrate.runs AS r
        WHERE r.finished_at IS NULL
            AND r.run_id <> :'run_id'::uuid
        ORDER BY r.seen_at DESC
        LIMIT 1
    )
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
\quit
\endif
INSERT INTO pgmigrate.runs (run_id, schema_name, operator, controller, inventory_host, os_user, host_name, tool_version)
VALUES (
    :'run_id', :'scope', :'operator', :'controller', :'inventory_host', :'os_user', :'host_name', :'tool_version'
)
ON CONFLICT (run_id) DO UPDATE
SET
    seen_at = pg_catalog.clock_timestamp(),
    finished_at = NULL;
