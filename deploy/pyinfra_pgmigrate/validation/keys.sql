-- Tells of tables how large they are and which columns are their primary key: name, bytes, columns. Variables:
-- tables (JSON: names with their schema).
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(
    n.name,
    pg_catalog.pg_table_size(c.oid),
    (
        SELECT COALESCE(
            pg_catalog.json_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place), '[]'::json
        )
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid
            AND i.indisprimary
            AND k.place <= i.indnkeyatts
    )
)), '[]'::json)::text AS payload
FROM pg_catalog.jsonb_array_elements_text(:'tables'::jsonb) AS n (name)
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(n.name) \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate keys :payload
