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
            q.mode,
            pg_catalog.pg_relation_filenode(c.oid)::bigint,
            pg_catalog.pg_total_relation_size(c.oid)
        ) ORDER BY c.oid)
        FROM (
            SELECT
                COALESCE(h.relation, w.relation) AS oid,
                h.mode,
                w.relation IS NOT NULL AS is_wanted
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
                    -- What the transaction made nobody else can see.
                    AND l.relation <= $6
                GROUP BY l.relation
            ) AS h
            FULL JOIN (
                SELECT DISTINCT pg_catalog.to_regclass(w.value ->> 1)::oid AS relation
                FROM pg_catalog.jsonb_array_elements($3) AS w
            ) AS w ON w.relation = h.relation
        ) AS q
        -- By index, however many relations there are.
        CROSS JOIN LATERAL (
            SELECT p.oid, p.relkind, p.relnamespace
            FROM pg_catalog.pg_class AS p
            WHERE p.oid = q.oid
                AND p.oid <= $6
            OFFSET 0
        ) AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm')
            AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
            AND (q.mode <> 'AccessShareLock' OR q.is_wanted)
    ), '[]'::json) AS tables
) AS t;
