-- For psycopg: the catalogs, as (name, oid).
SELECT
    c.relname::text AS name,
    c.oid::bigint AS oid
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::regnamespace
    AND c.relkind = 'r'
