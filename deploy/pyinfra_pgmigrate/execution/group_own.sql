-- Gives the steps of a group the lines that belong to this database alone (owners, rights, comments, definitions), each to
-- the one that deals with its object. Variables: members (JSON: [[version, [keys of its objects]], ...]), removed, added,
-- run_id.
WITH own AS MATERIALIZED (
    SELECT
        (m.value ->> 0)::bigint AS version,
        b.beginning,
        m.place
    FROM pg_catalog.jsonb_array_elements(:'members'::jsonb) WITH ORDINALITY AS m (value, place)
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(m.value -> 1) AS o (key)
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.split_part(o.key, ' ', 1) AS kind,
            pg_catalog.substr(o.key, pg_catalog.strpos(o.key, ' ') + 1) AS ident
    ) AS k
    CROSS JOIN LATERAL (
        SELECT o.key || ' '
        UNION ALL
        SELECT 'column ' || k.ident || '.'
        WHERE k.kind IN ('table', 'view', 'materialized_view', 'type')
        UNION ALL
        SELECT 'identity ' || k.ident || ' '
        WHERE k.kind = 'column'
        UNION ALL
        SELECT 'identity ' || k.ident || '.'
        WHERE k.kind = 'table'
    ) AS b (beginning)
),
lines AS MATERIALIZED (
    SELECT l.line, l.is_added, pg_catalog.substr(l.line, pg_catalog.strpos(l.line, ' ') + 1) AS rest
    FROM (
        SELECT pg_catalog.unnest(:'removed'::text[]) AS line, false AS is_added
        UNION ALL
        SELECT pg_catalog.unnest(:'added'::text[]), true
    ) AS l
    WHERE l.line ~ '^(owner|grant|comment|definition) '
),
found AS MATERIALIZED (
    -- The object itself rather than what it is a part of.
    SELECT DISTINCT ON (l.line, l.is_added)
        o.version,
        l.line,
        l.is_added
    FROM lines AS l
    JOIN own AS o ON pg_catalog.starts_with(l.rest, o.beginning)
    ORDER BY
        l.line,
        l.is_added,
        pg_catalog.length(o.beginning) DESC,
        o.place DESC
),
whole AS MATERIALIZED (
    SELECT
        f.version,
        pg_catalog.array_agg(f.line) FILTER (WHERE NOT f.is_added) AS removed,
        pg_catalog.array_agg(f.line) FILTER (WHERE f.is_added) AS added
    FROM found AS f
    GROUP BY f.version
),
events AS (
    UPDATE pgmigrate.events AS e
    SET
        removed = ARRAY(SELECT l.line FROM pg_catalog.unnest(e.removed || w.removed) AS l (line) ORDER BY l.line COLLATE "C"),
        added = ARRAY(SELECT l.line FROM pg_catalog.unnest(e.added || w.added) AS l (line) ORDER BY l.line COLLATE "C")
    FROM whole AS w
    WHERE e.version = w.version
        AND e.run_id = :'run_id'
        AND e.event = 'applied'
)
UPDATE pgmigrate.migrations AS m
SET
    removed = ARRAY(SELECT l.line FROM pg_catalog.unnest(m.removed || w.removed) AS l (line) ORDER BY l.line COLLATE "C"),
    added = ARRAY(SELECT l.line FROM pg_catalog.unnest(m.added || w.added) AS l (line) ORDER BY l.line COLLATE "C")
FROM whole AS w
WHERE m.version = w.version
    AND :of_scope;
