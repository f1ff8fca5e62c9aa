-- Prepares pgmigrate_trace (place, number, locks, traced, in_schema, newest, traces_all, held) for trace.sql: planning it
-- takes longer than running it, and it is run after each statement. Returns payload, traced and held (an array of what is
-- locked how and stored where).
PREPARE pgmigrate_trace (integer, integer, jsonb, text, text, oid, boolean, text[]) AS
WITH held AS MATERIALIZED (
    SELECT
        l.relation AS oid,
        l.mode,
        pg_catalog.pg_relation_filenode(l.relation)::bigint AS storage
    FROM (
        SELECT
            o.relation,
            (pg_catalog.array_agg(o.mode ORDER BY pg_catalog.array_position(
                ARRAY[
                    'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                    'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
                ],
                o.mode
            ) DESC))[1] AS mode
        FROM pg_catalog.pg_locks AS o
        WHERE o.locktype = 'relation'
            AND o.pid = pg_catalog.pg_backend_pid()
            AND o.granted
            -- What the transaction made nobody else can see.
            AND o.relation <= $6
        GROUP BY o.relation
    ) AS l
),
kept AS MATERIALIZED (
    SELECT COALESCE(pg_catalog.array_agg(pg_catalog.concat_ws(' ', h.oid, h.mode, h.storage)), '{}') AS entries
    FROM held AS h
    WHERE NOT $7
),
fresh AS MATERIALIZED (
    SELECT pg_catalog.split_part(e.entry, ' ', 1)::oid AS oid
    FROM (
        SELECT pg_catalog.unnest(k.entries) FROM kept AS k
        EXCEPT
        SELECT pg_catalog.unnest($8)
    ) AS e (entry)
)
SELECT
    pg_catalog.json_build_array(
        $1, $2, CASE WHEN t.tables::text <> $4 THEN t.tables END
    )::text AS payload,
    t.tables::text AS traced,
    k.entries AS held
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
                COALESCE(h.oid, w.relation) AS oid,
                h.mode,
                w.relation IS NOT NULL AS is_wanted
            FROM held AS h
            FULL JOIN (
                SELECT DISTINCT pg_catalog.to_regclass(w.value ->> 1)::oid AS relation
                FROM pg_catalog.jsonb_array_elements($3) AS w
            ) AS w ON w.relation = h.oid
            WHERE $7 OR w.relation IS NOT NULL OR h.oid IN (SELECT f.oid FROM fresh AS f)
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
) AS t
CROSS JOIN kept AS k;
