-- Tells what conflicting.sql found: by rule the number of values that stand more than once, the first of
-- them with what the columns that go say, the names that the rows would get, and what depends on them.
DECLARE pgmigrate_conflicts NO SCROLL CURSOR FOR
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'rule', n.place,
    'count', c.count,
    'stuck', c.stuck,
    'rows', c.rows,
    'first', c.first,
    'name_column', n.name_column,
    'has_key', n.keys <> '{}',
    'names', (
        SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(f.old, f.new_name)), '[]'::json)
        FROM (
            SELECT '(' || pg_catalog.array_to_string(r.keys, ', ', 'null') || ') in ' || r.says AS old, r.new_name
            FROM pg_temp.pgmigrate_rows AS r
            WHERE r.place = n.place
                AND NOT r.is_default
            ORDER BY r.keys, r.says
            LIMIT 20
        ) AS f
    ),
    'hanging', (
        SELECT pg_catalog.json_agg(h.relation::regclass::text ORDER BY h.depth, h.relation::regclass::text)
        FROM pg_temp.pgmigrate_hanging AS h
        WHERE h.place = n.place
    )
) ORDER BY n.place), '[]'::json)::text AS payload
FROM pg_temp.pgmigrate_naming AS n
CROSS JOIN LATERAL (
    SELECT
        count(*) AS count,
        count(*) FILTER (WHERE g.defaults > 1) AS stuck,
        COALESCE(sum(g.many - g.defaults), 0) AS rows,
        COALESCE(
            pg_catalog.json_agg(pg_catalog.json_build_array(g.keys, g.says) ORDER BY g.keys) FILTER (WHERE g.turn <= 20),
            '[]'::json
        ) AS first
    FROM (
        SELECT
            r.keys,
            count(*) AS many,
            count(*) FILTER (WHERE r.is_default) AS defaults,
            pg_catalog.array_agg(r.says ORDER BY NOT r.is_default, r.says) AS says,
            row_number() OVER (ORDER BY r.keys) AS turn
        FROM pg_temp.pgmigrate_rows AS r
        WHERE r.place = n.place
        GROUP BY r.keys
    ) AS g
) AS c
WHERE c.count > 0;
SET LOCAL search_path = :"schema", pg_temp;
FETCH pgmigrate_conflicts \gset
SET LOCAL search_path = pg_catalog, pg_temp;
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate conflicts :payload
