-- Estimates what a rollback needs: the size in bytes of each plain table on which an index comes back, and
-- the room for what is copied and built. Variables: tables (JSON: those that go), columns (JSON: [[table,
-- column], ...], those that go), retyped (the same, those that get another type), rules_on (JSON: tables of the indexes and constraints that come back),
-- schema. Needs a transaction.
DECLARE pgmigrate_sizes NO SCROLL CURSOR FOR
SELECT pg_catalog.json_build_object(
    'tables', (
        SELECT COALESCE(pg_catalog.json_object_agg(r.name, pg_catalog.pg_table_size(c.oid)), '{}'::json)
        FROM (SELECT DISTINCT n.name FROM pg_catalog.jsonb_array_elements_text(:'rules_on'::jsonb) AS n (name)) AS r
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(r.name)
        WHERE c.relkind = 'r'
    ),
    'bytes', (
        SELECT COALESCE(sum(pg_catalog.pg_table_size(pg_catalog.to_regclass(t.name))), 0)::bigint
        FROM pg_catalog.jsonb_array_elements_text(:'tables'::jsonb) AS t (name)
    ) + (
        -- Of a column its values with the primary key, as if none were the default; a row has 28 bytes of its own.
        SELECT COALESCE(sum(GREATEST(c.reltuples, 0) * (28 + w.width)), 0)::bigint
        FROM pg_catalog.jsonb_array_elements(:'columns'::jsonb || :'retyped'::jsonb) AS p
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(p.value ->> 0)
        CROSS JOIN LATERAL (
            SELECT COALESCE(sum(COALESCE(s.avg_width, 16)), 0) AS width
            FROM pg_catalog.pg_attribute AS a
            LEFT JOIN pg_catalog.pg_stats AS s
                ON s.schemaname = c.relnamespace::regnamespace::name AND s.tablename = c.relname AND s.attname = a.attname
            WHERE a.attrelid = c.oid
                AND (
                    pg_catalog.quote_ident(a.attname) = p.value ->> 1
                    OR a.attnum = ANY (COALESCE((
                        SELECT i.indkey::int2[] FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary
                    ), '{}'))
                )
        ) AS w
    ) + (
        SELECT COALESCE(sum(GREATEST(c.reltuples, 0) * 64), 0)::bigint
        FROM pg_catalog.jsonb_array_elements_text(:'rules_on'::jsonb) AS n (name)
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(n.name)
    )
)::text AS payload;
SET LOCAL search_path = :"schema", pg_temp;
FETCH pgmigrate_sizes \gset
SET LOCAL search_path = pg_catalog, pg_temp;
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate sizes :payload
