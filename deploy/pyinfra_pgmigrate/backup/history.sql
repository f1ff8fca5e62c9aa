-- Tells how the database came to its state, a text each: when each migration was applied, which runs ever kept something
-- in the quarantine, and what is in it; as observe.sql tells it. Changes nothing. Prints the word history.
SELECT
    (
        SELECT :'registry_exists'::boolean AND count(*) = 2
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.migrations')
            AND a.attname IN ('version', 'applied_at')
    ) AS has_migrations,
    (
        SELECT :'registry_exists'::boolean AND count(*) = 4
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantines')
            AND a.attname IN ('run_id', 'table_name', 'column_name', 'row_count')
    ) AS has_quarantines \gset
\set applied '[]'
\set quarantines '[]'
\if :has_migrations
SELECT COALESCE(pg_catalog.json_agg(
    m.version || ' ' || pg_catalog.to_char(m.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
), '[]'::json)::text AS applied
FROM pgmigrate.migrations AS m \gset
\endif
\if :has_quarantines
SELECT COALESCE(pg_catalog.json_agg(t.text), '[]'::json)::text AS quarantines
FROM pgmigrate.quarantines AS q
CROSS JOIN LATERAL (
    VALUES
        (true, q.run_id::text),
        (
            q.row_count > 0 AND pg_catalog.to_jsonb(q) ->> 'dropped_at' IS NULL,
            q.run_id || ' ' || q.table_name || COALESCE('.' || q.column_name, '') || ' ' || q.row_count
        )
) AS t (is_there, text)
WHERE t.is_there \gset
\endif
SELECT (:'applied'::jsonb || :'quarantines'::jsonb)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate history :payload
