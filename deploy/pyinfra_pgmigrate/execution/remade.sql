-- Finds out whether a rollback took back the migration that is about to run, and what of that which it drops and makes
-- again is older than this run, and was not made again in it before: what this run gave another name is as old as it
-- was. Variables: version, run_id, tables, columns, sequences, emptied (JSON, see keep.sql and keep_after.sql), renamed
-- (JSON: [[version, key, key before], ...]). Sets was_reverted, kept_by (run of that rollback), and those lists.
SELECT
    COALESCE(pg_catalog.bool_or(e.event = 'reverted'), false) AS was_reverted,
    COALESCE(max(e.run_id::text), '') AS kept_by
FROM (
    SELECT o.event, o.run_id
    FROM pgmigrate.events AS o
    WHERE o.version = :'version'::bigint
        AND o.event IN ('reverted', 'applied', 'adopted', 'resumed', 'repaired')
        AND :of_run
    ORDER BY o.id DESC
    LIMIT 1
) AS e \gset
WITH RECURSIVE made AS (
    SELECT l.line || ' ' AS line, e.version, e.removed
    FROM pgmigrate.events AS e
    CROSS JOIN LATERAL pg_catalog.unnest(e.added) AS l (line)
    WHERE e.run_id = :'run_id'::uuid
        AND l.line ~ '^(table|column|sequence) '
),
renamed AS (
    SELECT (r.value ->> 0)::bigint AS version, r.value ->> 1 AS key, r.value ->> 2 AS old
    FROM pg_catalog.jsonb_array_elements(:'renamed'::jsonb) AS r
),
listed AS (
    SELECT 'tables' AS list, t.value, t.place, ARRAY['table ' || (t.value #>> '{}')] AS keys
    FROM pg_catalog.jsonb_array_elements(:'tables'::jsonb) WITH ORDINALITY AS t (value, place)

    UNION ALL
    SELECT 'emptied', t.value, t.place, ARRAY['table ' || (t.value #>> '{}')]
    FROM pg_catalog.jsonb_array_elements(:'emptied'::jsonb) WITH ORDINALITY AS t (value, place)

    UNION ALL
    SELECT
        'columns',
        t.value,
        t.place,
        ARRAY['table ' || (t.value ->> 0), 'column ' || (t.value ->> 0) || '.' || (t.value ->> 1)]
    FROM pg_catalog.jsonb_array_elements(:'columns'::jsonb) WITH ORDINALITY AS t (value, place)

    UNION ALL
    SELECT
        'sequences',
        t.value,
        t.place,
        ARRAY['table ' || n.name, 'sequence ' || n.name, 'column ' || n.name || '.' || COALESCE(t.value ->> 1, '')]
    FROM pg_catalog.jsonb_array_elements(:'sequences'::jsonb) WITH ORDINALITY AS t (value, place)
    -- As lines write it, whatever quotes a statement has.
    CROSS JOIN LATERAL (
        SELECT pg_catalog.regexp_replace(
            pg_catalog.string_agg(pg_catalog.quote_ident(w.word), '.' ORDER BY w.place),
            pg_catalog.current_setting('pgmigrate.in_schema'),
            ''
        ) AS name
        FROM pg_catalog.unnest(pg_catalog.parse_ident(t.value ->> 0)) WITH ORDINALITY AS w (word, place)
    ) AS n
),
-- Under which names each of them was known.
names AS (
    SELECT k.key AS latest, k.key, :'version'::bigint AS version
    FROM listed AS l
    CROSS JOIN LATERAL pg_catalog.unnest(l.keys) AS k (key)

    UNION
    SELECT n.latest, r.old, r.version
    FROM names AS n
    JOIN renamed AS r ON r.key = n.key AND r.version <= n.version AND r.old <> n.latest
),
-- How the lines of each begin.
lines AS (
    SELECT n.latest, n.key, pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
        pg_catalog.replace(n.key, '\', '\\'), E'\n', '\n'), E'\r', '\r'), E'\t', '\t') || ' ' AS line
    FROM names AS n
),
older AS (
    SELECT l.*
    FROM listed AS l
    WHERE NOT EXISTS (
        SELECT 1
        FROM lines AS n
        JOIN made AS m ON pg_catalog.starts_with(m.line, n.line)
        WHERE n.latest = ANY (l.keys)
            -- Not what only got that name, and had another one before that migration.
            AND NOT EXISTS (
                SELECT 1
                FROM renamed AS r
                CROSS JOIN LATERAL pg_catalog.unnest(m.removed) AS w (line)
                JOIN lines AS b ON b.latest = n.latest AND pg_catalog.starts_with(w.line || ' ', b.line)
                WHERE r.version = m.version
                    AND r.key = n.key
            )
    )
        AND NOT EXISTS (
            SELECT 1
            FROM pgmigrate.events AS e
            WHERE e.run_id = :'run_id'::uuid
                AND e.details -> 'remade' ?| (l.keys || pg_catalog.substr(l.keys[1], pg_catalog.length('table ') + 1))
        )
)
SELECT
    COALESCE(pg_catalog.jsonb_agg(o.value ORDER BY o.place) FILTER (WHERE o.list = 'tables'), '[]') AS tables,
    COALESCE(pg_catalog.jsonb_agg(o.value ORDER BY o.place) FILTER (WHERE o.list = 'columns'), '[]') AS columns,
    COALESCE(pg_catalog.jsonb_agg(o.value ORDER BY o.place) FILTER (WHERE o.list = 'sequences'), '[]') AS sequences,
    COALESCE(pg_catalog.jsonb_agg(o.value ORDER BY o.place) FILTER (WHERE o.list = 'emptied'), '[]') AS emptied
FROM older AS o \gset
