-- How the sessions of this run are doing, for whoever waits for them. Variables: run_id.
SELECT COALESCE(pg_catalog.json_agg(
    pg_catalog.json_build_object(
        'session', a.application_name,
        'waits_for', CASE WHEN a.wait_event_type = 'Lock' THEN a.wait_event END,
        'sleeps', a.wait_event = 'PgSleep',
        'waits_for_standby', a.wait_event = 'SyncRep',
        'since_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.query_start)),
        'progress', (
            SELECT p.phase || CASE
                WHEN p.blocks_total > 0 THEN ', ' || (100 * p.blocks_done / p.blocks_total) || ' % of blocks'
                ELSE ''
            END
            FROM pg_catalog.pg_stat_progress_create_index AS p
            WHERE p.pid = a.pid
        ),
        'blockers', (
            SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
                'pid', b.pid,
                'user', COALESCE(b.usename, 'unknown'),
                'application', COALESCE(b.application_name, ''),
                'state', COALESCE(b.state, 'unknown'),
                'transaction_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - b.xact_start)),
                'table', 'a lock or snapshot'
            )), '[]'::json)
            FROM pg_catalog.pg_stat_activity AS b
            WHERE b.pid = ANY (pg_catalog.pg_blocking_pids(a.pid))
        )
    )
), '[]'::json)::text AS payload
FROM pg_catalog.pg_stat_activity AS a
WHERE a.application_name LIKE 'pgmigrate ' || pg_catalog.left(:'run_id', 8) || ' %'
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.datname = pg_catalog.current_database()
    AND a.application_name !~ ' watch$' \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate watch :payload
