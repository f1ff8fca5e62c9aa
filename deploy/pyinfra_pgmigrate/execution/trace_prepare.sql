-- Prepares pgmigrate_trace (place, number, locks, traced, in_schema) for trace.sql: planning it takes longer than running
-- it, and it is run after each statement.
PREPARE pgmigrate_trace (integer, integer, jsonb, text, text) AS
SELECT
    pg_catalog.json_build_array(
        $1, $2, CASE WHEN t.tables::text <> $4 THEN t.tables END
    )::text AS payload,
    t.tables::text AS traced
FROM (
    SELECT COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            pg_catalog.regexp_replace(c.oid::pg_catalog.regclass::text, $5, ''),
            h.mode,
            pg_catalog.pg_relation_filenode(c.oid)::bigint,
            pg_catalog.pg_total_relation_size(c.oid)
        ) ORDER BY c.oid)
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
            SELECT l.mode
            FROM pg_catalog.pg_locks AS l
            WHERE l.relation = c.oid
                AND l.locktype = 'relation'
                AND l.pid = pg_catalog.pg_backend_pid()
                AND l.granted
            ORDER BY pg_catalog.array_position(
                ARRAY[
                    'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                    'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
                ],
                l.mode
            ) DESC
            LIMIT 1
        ) AS h ON true
        WHERE c.relkind IN ('r', 'p', 'm')
            AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
            AND (
                c.oid IN (
                    SELECT l.relation
                    FROM pg_catalog.pg_locks AS l
                    WHERE l.locktype = 'relation'
                        AND l.pid = pg_catalog.pg_backend_pid()
                        AND l.mode <> 'AccessShareLock'
                )
                OR c.oid IN (
                    SELECT pg_catalog.to_regclass(w.value ->> 1)
                    FROM pg_catalog.jsonb_array_elements($3) AS w
                )
            )
    ), '[]'::json) AS tables
) AS t;
