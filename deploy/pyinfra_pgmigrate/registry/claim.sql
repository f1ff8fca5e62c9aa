-- Takes the run lock without waiting, and claims the run. Leaves with the outcome "busy" when another
-- run is at work. Variables: run_id, operator, controller, inventory_host, os_user, host_name, tool_version.
SET lock_timeout = '10s';
SELECT pg_catalog.pg_try_advisory_lock(1886414195, 1) AS got_lock \gset
\if :got_lock
\else
SELECT pg_catalog.json_build_object(
    'result', 'busy',
    'detail', COALESCE((
        SELECT COALESCE(NULLIF(a.application_name, ''), 'a session') || ' of role '
            || COALESCE(a.usename, 'unknown') || ', process ' || l.pid
        FROM pg_catalog.pg_locks AS l
        LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'advisory'
            AND l.classid = 1886414195
            AND l.objid = 1
            AND l.granted
            AND l.database = (
                SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
            )
        LIMIT 1
    ), 'a session that has just ended')
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
\quit
\endif
