-- Tells of tables how many rows they have, about, and how large they are: name, rows, bytes; of a partitioned one those of
-- all its partitions. Reads no rows. Variables: tables (JSON: names as lines write them).
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(t.name, s.row_count, s.bytes)), '[]'::json)::text AS payload
FROM pg_catalog.jsonb_array_elements_text(:'tables'::jsonb) AS t (name)
CROSS JOIN LATERAL (
    SELECT pg_catalog.to_regclass(pg_catalog.regexp_replace(
        t.name, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
    )) AS relation
) AS r
CROSS JOIN LATERAL (
    SELECT
        -- Of a table that was never analyzed nobody knows: ten rows a page, as a guess.
        sum(CASE WHEN c.reltuples > 0 THEN c.reltuples
            ELSE 10 * pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint
        END)::bigint AS row_count,
        sum(pg_catalog.pg_table_size(c.oid))::bigint AS bytes
    FROM (
        SELECT r.relation
        UNION
        SELECT p.relid FROM pg_catalog.pg_partition_tree(r.relation) AS p
    ) AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.relation
    WHERE c.relkind IN ('r', 'm')
) AS s
WHERE s.row_count IS NOT NULL \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate sizes :payload
