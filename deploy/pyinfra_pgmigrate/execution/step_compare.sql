-- Compares what changed with what the effect promises. Variables: compared_before, compared_after (names of settings; where
-- reads_parts, with the lines of part alone, and all lines that were are in before), minus, plus, removes (LIKE patterns), objects (keys whose owner, grants and comments may change), allowed (lines of what others
-- had built and the library itself dropped or made again in this step).
WITH before AS MATERIALIZED (
    SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_before')::text[]) AS line
),
after AS MATERIALIZED (
    SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_after')::text[]) AS line
),
allowed AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text(:'allowed'::jsonb) AS line
),
promised_minus AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text(:'minus'::jsonb) AS line
),
promised_plus AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text(:'plus'::jsonb) AS line
),
objects AS MATERIALIZED (
    SELECT
        o.key,
        pg_catalog.split_part(o.key, ' ', 1) AS kind,
        pg_catalog.substr(o.key, pg_catalog.strpos(o.key, ' ') + 1) AS ident
    FROM pg_catalog.jsonb_array_elements_text(:'objects'::jsonb) AS o (key)
),
-- What the own lines of those objects begin with; a table's or view's columns, and a column's sequence, are of it.
own AS MATERIALIZED (
    SELECT k.kind || b.beginning AS beginning
    FROM objects AS o
    CROSS JOIN LATERAL (
        SELECT o.key || ' '
        UNION ALL
        SELECT 'column ' || o.ident || '.'
        WHERE o.kind IN ('table', 'view', 'materialized_view', 'type')
        UNION ALL
        SELECT 'identity ' || o.ident || ' '
        WHERE o.kind = 'column'
        UNION ALL
        SELECT 'identity ' || o.ident || '.'
        WHERE o.kind = 'table'
    ) AS b (beginning)
    CROSS JOIN (VALUES ('owner '), ('grant '), ('comment '), ('definition ')) AS k (kind)
),
-- What the part alone does not tell: promised lines of which nothing was written, and lines that another object has, too.
asked AS MATERIALIZED (
    (SELECT p.line FROM promised_plus AS p EXCEPT SELECT a.line FROM after AS a)
    UNION ALL
    (SELECT p.line FROM promised_minus AS p EXCEPT SELECT b.line FROM before AS b)
    UNION ALL
    (SELECT b.line FROM before AS b EXCEPT SELECT a.line FROM after AS a EXCEPT SELECT p.line FROM promised_minus AS p)
    UNION ALL
    (SELECT a.line FROM after AS a EXCEPT SELECT b.line FROM before AS b EXCEPT SELECT p.line FROM promised_plus AS p)
),
elsewhere AS MATERIALIZED (
    SELECT b.line
    FROM (
        SELECT :'before' AS name, :'reads_parts'::boolean AND EXISTS (SELECT 1 FROM asked) AS is_asked
        -- The name comes from here, so that the planner does not read all lines to count them.
        OFFSET 0
    ) AS q
    CROSS JOIN LATERAL ROWS FROM (
        pg_catalog.unnest(CASE WHEN q.is_asked THEN pg_catalog.current_setting(q.name)::text[] END),
        pg_catalog.unnest(CASE WHEN q.is_asked THEN pg_catalog.current_setting(q.name || '_homes')::oid[] END)
    ) AS b (line, home)
    WHERE b.home <> ALL (:'part'::oid[])
        AND b.line IN (SELECT a.line FROM asked AS a)
),
gone AS MATERIALIZED (
    SELECT b.line FROM before AS b
    EXCEPT
    SELECT a.line FROM after AS a
    EXCEPT
    SELECT l.line FROM allowed AS l
    EXCEPT
    SELECT e.line FROM elsewhere AS e
),
come AS MATERIALIZED (
    SELECT a.line FROM after AS a
    EXCEPT
    SELECT b.line FROM before AS b
    EXCEPT
    SELECT l.line FROM allowed AS l
    EXCEPT
    SELECT e.line FROM elsewhere AS e
),
unexpected AS (
    SELECT
        '-' AS sign,
        g.line
    FROM gone AS g
    WHERE NOT EXISTS (SELECT 1 FROM promised_minus AS p WHERE p.line = g.line)
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.jsonb_array_elements_text(:'removes'::jsonb) AS r (pattern)
            WHERE g.line LIKE r.pattern
        )

    UNION ALL
    SELECT
        '+',
        c.line
    FROM come AS c
    WHERE NOT EXISTS (SELECT 1 FROM promised_plus AS p WHERE p.line = c.line)
),
foreign_lines AS (
    SELECT u.sign, u.line
    FROM unexpected AS u
    WHERE NOT EXISTS (
        SELECT 1
        FROM own AS o
        WHERE pg_catalog.starts_with(u.line, o.beginning)
    )
),
lacking AS (
    SELECT '+ ' || p.line AS line
    FROM promised_plus AS p
    WHERE NOT EXISTS (SELECT 1 FROM after AS a WHERE a.line = p.line)
        AND NOT EXISTS (SELECT 1 FROM elsewhere AS e WHERE e.line = p.line)

    UNION ALL
    SELECT '- ' || p.line
    FROM promised_minus AS p
    WHERE EXISTS (SELECT 1 FROM after AS a WHERE a.line = p.line)
        OR EXISTS (SELECT 1 FROM elsewhere AS e WHERE e.line = p.line)
)
SELECT
    COALESCE((
        SELECT pg_catalog.json_agg(f.sign || ' ' || f.line ORDER BY f.line, f.sign) FROM foreign_lines AS f
    ), '[]'::json)::text AS foreign_lines,
    COALESCE((SELECT pg_catalog.json_agg(l.line ORDER BY l.line) FROM lacking AS l), '[]'::json)::text AS lacking,
    COALESCE((SELECT pg_catalog.array_agg(g.line ORDER BY g.line) FROM gone AS g), '{}')::text AS removed,
    COALESCE((SELECT pg_catalog.array_agg(c.line ORDER BY c.line) FROM come AS c), '{}')::text AS added,
    EXISTS (SELECT 1 FROM foreign_lines AS f) AS has_foreign
\gset
