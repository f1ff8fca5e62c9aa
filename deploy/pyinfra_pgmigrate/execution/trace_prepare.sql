-- Prepares pgmigrate_trace (place, number, locks, traced, in_schema, newest) for trace.sql: planning it takes longer than running
-- it, and it is run after each statement.
PREPARE pgmigrate_trace (integer, integer, jsonb, text, text, oid) AS
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
        FROM (
            SELECT
                l.relation,
                (pg_catalog.array_agg(l.mode ORDER BY pg_catalog.array_position(
                    ARRAY[
                        'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                        'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
                    ],
                    l.mode
                ) DESC))[1] AS mode
            FROM pg_catalog.pg_locks AS l
            WHERE l.locktype = 'relation'
                AND l.pid = pg_catalog.pg_backend_pid()
                AND l.granted
            GROUP BY l.relation
        ) AS h
        FULL JOIN (
            SELECT DISTINCT pg_catalog.to_regclass(w.value ->> 1)::oid AS relation
            FROM pg_catalog.jsonb_array_elements($3) AS w
        ) AS w ON w.relation = h.relation
        JOIN pg_catalog.pg_class AS c ON c.oid = COALESCE(h.relation, w.relation)
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm')
            -- What the transaction made nobody else can see.
            AND c.oid <= $6
            AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
            AND (h.mode <> 'AccessShareLock' OR w.relation IS NOT NULL)
    ), '[]'::json) AS tables
) AS t;
