-- Gathers statistics of tables, each for itself; PostgreSQL runs what an index calls with the rights of the table's
-- owner. Tables that are gone by now are passed over. Variables: tables (JSON: names with their schema),
-- lock_timeout_ms.
SELECT pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', false) \g /dev/null
SELECT DISTINCT pg_catalog.format('ANALYZE %s', pg_catalog.to_regclass(t.name))
FROM pg_catalog.jsonb_array_elements_text(:'tables'::jsonb) AS t (name)
WHERE pg_catalog.to_regclass(t.name) IS NOT NULL \gexec
EXECUTE pgmigrate_encode('true') \gset
\echo ##pgmigrate analyzed :payload
