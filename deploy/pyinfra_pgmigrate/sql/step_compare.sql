-- Compares what changed with what the effect promises. Variables: minus, plus, removes (LIKE patterns),
-- objects (keys whose owner, grants and comments may change), in_transaction, is_last_of_run.
EXECUTE pgmigrate_read('pgmigrate.after', :is_last_of_run);
WITH before AS (
    SELECT pg_catalog.unnest(pg_catalog.current_setting('pgmigrate.before')::text[]) AS line
),
after AS (
    SELECT pg_catalog.unnest(pg_catalog.current_setting('pgmigrate.after')::text[]) AS line
),
-- What others had built and the library itself dropped or made again in this step.
allowed AS (
    SELECT pg_catalog.jsonb_array_elements_text(
        COALESCE(NULLIF(pg_catalog.current_setting('pgmigrate.allowed', true), ''), '[]')::jsonb
    ) AS line
),
promised_minus AS (
    SELECT pg_catalog.jsonb_array_elements_text(:'minus'::jsonb) AS line
),
promised_plus AS (
    SELECT pg_catalog.jsonb_array_elements_text(:'plus'::jsonb) AS line
),
gone AS (
    SELECT b.line FROM before AS b
    EXCEPT
    SELECT a.line FROM after AS a
    EXCEPT
    SELECT l.line FROM allowed AS l
),
come AS (
    SELECT a.line FROM after AS a
    EXCEPT
    SELECT b.line FROM before AS b
    EXCEPT
    SELECT l.line FROM allowed AS l
),
unexpected AS (
    SELECT
        '- ' || g.line AS line,
        g.line AS bare
    FROM gone AS g
    WHERE NOT EXISTS (SELECT 1 FROM promised_minus AS p WHERE p.line = g.line)
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.jsonb_array_elements_text(:'removes'::jsonb) AS r (pattern)
            WHERE g.line LIKE r.pattern
        )

    UNION ALL
    SELECT
        '+ ' || c.line,
        c.line
    FROM come AS c
    WHERE NOT EXISTS (SELECT 1 FROM promised_plus AS p WHERE p.line = c.line)
),
foreign_lines AS (
    SELECT u.line
    FROM unexpected AS u
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.jsonb_array_elements_text(:'objects'::jsonb) AS o (key)
        CROSS JOIN (VALUES ('owner '), ('grant '), ('comment '), ('definition ')) AS k (kind)
        WHERE pg_catalog.starts_with(u.bare, k.kind || o.key || ' ')
    )
),
lacking AS (
    SELECT '+ ' || p.line AS line
    FROM promised_plus AS p
    WHERE NOT EXISTS (SELECT 1 FROM after AS a WHERE a.line = p.line)

    UNION ALL
    SELECT '- ' || p.line
    FROM promised_minus AS p
    WHERE EXISTS (SELECT 1 FROM after AS a WHERE a.line = p.line)
)
SELECT
    COALESCE((SELECT pg_catalog.json_agg(f.line) FROM foreign_lines AS f), '[]'::json)::text AS foreign_lines,
    COALESCE((SELECT pg_catalog.json_agg(l.line) FROM lacking AS l), '[]'::json)::text AS lacking,
    COALESCE((SELECT pg_catalog.array_agg(g.line ORDER BY g.line) FROM gone AS g), '{}')::text AS removed,
    COALESCE((SELECT pg_catalog.array_agg(c.line ORDER BY c.line) FROM come AS c), '{}')::text AS added,
    -- Outside a transaction others may change the catalog meanwhile: that is theirs, and only told.
    EXISTS (SELECT 1 FROM lacking AS l)
    OR (:'in_transaction'::boolean AND EXISTS (SELECT 1 FROM foreign_lines AS f)) AS differs
\gset
\if :differs
SELECT pg_catalog.json_build_object(
    'result', 'unexpected',
    'lacking', :'lacking'::json,
    'foreign', :'foreign_lines'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\if :in_transaction
ROLLBACK;
\endif
\echo ##pgmigrate outcome :payload
\quit
\endif
