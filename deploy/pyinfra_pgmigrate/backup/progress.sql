-- How far the sessions of this run are, in whichever database. Variables: run_id, in_schema.
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'session', a.application_name,
    'table', CASE
        WHEN a.datname = pg_catalog.current_database() AND c.relid <> 0 
            THEN pg_catalog.regexp_replace(c.relid::pg_catalog.regclass::text, :'in_schema', '')
    END,
    'rows', c.tuples_processed,
    'bytes', c.bytes_processed,
    'index', (
        SELECT x.phase || CASE
            WHEN x.blocks_total > 0 THEN ', ' || (100 * x.blocks_done / x.blocks_total) || ' % of blocks'
            ELSE ''
        END
        FROM pg_catalog.pg_stat_progress_create_index AS x
        WHERE x.pid = a.pid
    )
) ORDER BY a.application_name, a.pid), '[]'::json)::text AS payload
FROM pg_catalog.pg_stat_activity AS a
LEFT JOIN pg_catalog.pg_stat_progress_copy AS c ON c.pid = a.pid
WHERE a.application_name LIKE 'pgmigrate ' || pg_catalog.left(:'run_id', 8) || ' %'
    AND a.state = 'active'
    AND a.pid <> pg_catalog.pg_backend_pid() \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate progress :payload
