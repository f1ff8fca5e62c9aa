-- Prepares pgmigrate_compare (compared_before, compared_after, minus, plus, removes, objects, allowed, reads_parts, before, part)
-- for step_compare.sql, which says what they are: to plan it takes longer than to run it, and locks are held then. Lines
-- are compared as sets alone, however many they are: the planner does not know.
PREPARE pgmigrate_compare (text, text, jsonb, jsonb, jsonb, jsonb, jsonb, boolean, text, oid[]) AS
WITH before AS MATERIALIZED (
    SELECT pg_catalog.unnest(pg_catalog.current_setting($1)::text[]) AS line
),
after AS MATERIALIZED (
    SELECT pg_catalog.unnest(pg_catalog.current_setting($2)::text[]) AS line
),
allowed AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text($7) AS line
),
promised_minus AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text($3) AS line
),
promised_plus AS MATERIALIZED (
    SELECT pg_catalog.jsonb_array_elements_text($4) AS line
),
objects AS MATERIALIZED (
    SELECT
        o.key,
        pg_catalog.split_part(o.key, ' ', 1) AS kind,
        pg_catalog.substr(o.key, pg_catalog.strpos(o.key, ' ') + 1) AS ident
    FROM pg_catalog.jsonb_array_elements_text($6) AS o (key)
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
        SELECT $8 AND EXISTS (SELECT 1 FROM asked) AS is_asked
        OFFSET 0
    ) AS q
    CROSS JOIN LATERAL ROWS FROM (
        pg_catalog.unnest(CASE WHEN q.is_asked THEN pg_catalog.current_setting($9)::text[] END),
        pg_catalog.unnest(CASE WHEN q.is_asked THEN pg_catalog.current_setting($9 || '_homes')::oid[] END)
    ) AS b (line, home)
    WHERE b.home <> ALL ($10)
    INTERSECT
    SELECT a.line FROM asked AS a
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
unexpected AS MATERIALIZED (
    SELECT '-' AS sign, g.line
    FROM (SELECT g.line FROM gone AS g EXCEPT SELECT p.line FROM promised_minus AS p) AS g
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.jsonb_array_elements_text($5) AS r (pattern)
        WHERE g.line LIKE r.pattern
    )

    UNION ALL
    SELECT '+', c.line
    FROM (SELECT c.line FROM come AS c EXCEPT SELECT p.line FROM promised_plus AS p) AS c
),
-- Each beginning ends at a space or a dot: so what a line may begin with is looked for among them, and not each of them tried.
matched AS MATERIALIZED (
    SELECT pg_catalog.substr(u.line, 1, i.place) AS beginning
    FROM unexpected AS u
    CROSS JOIN LATERAL pg_catalog.generate_series(1, pg_catalog.length(u.line)) AS i (place)
    WHERE pg_catalog.substr(u.line, i.place, 1) IN (' ', '.')
    INTERSECT
    SELECT o.beginning FROM own AS o
),
foreign_lines AS MATERIALIZED (
    SELECT u.sign, u.line
    FROM unexpected AS u
    WHERE NOT EXISTS (
        SELECT 1
        FROM matched AS m
        WHERE pg_catalog.starts_with(u.line, m.beginning)
    )
),
lacking AS (
    SELECT '+ ' || p.line AS line
    FROM (
        SELECT p.line FROM promised_plus AS p
        EXCEPT
        SELECT a.line FROM after AS a
        EXCEPT
        SELECT e.line FROM elsewhere AS e
    ) AS p

    UNION ALL
    SELECT '- ' || p.line
    FROM (
        SELECT p.line FROM promised_minus AS p
        INTERSECT
        (SELECT a.line FROM after AS a UNION ALL SELECT e.line FROM elsewhere AS e)
    ) AS p
)
SELECT
    COALESCE((
        SELECT pg_catalog.json_agg(f.sign || ' ' || f.line ORDER BY f.line, f.sign) FROM foreign_lines AS f
    ), '[]'::json)::text AS foreign_lines,
    COALESCE((SELECT pg_catalog.json_agg(l.line ORDER BY l.line) FROM lacking AS l), '[]'::json)::text AS lacking,
    COALESCE((SELECT pg_catalog.array_agg(g.line ORDER BY g.line) FROM gone AS g), '{}')::text AS removed,
    COALESCE((SELECT pg_catalog.array_agg(c.line ORDER BY c.line) FROM come AS c), '{}')::text AS added,
    EXISTS (SELECT 1 FROM foreign_lines AS f) AS has_foreign;
-- Planned here, it holds no lock.
SELECT pg_catalog.set_config('pgmigrate.none', '{}', false), pg_catalog.set_config('pgmigrate.none_homes', '{}', false);
EXECUTE pgmigrate_compare('pgmigrate.none', 'pgmigrate.none', '[]', '[]', '[]', '[]', '[]', false, 'pgmigrate.none', '{}');
