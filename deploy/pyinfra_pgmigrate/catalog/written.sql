-- For psycopg, prepared: how many rows of the system catalogs the current transaction has written or deleted, as the server
-- counts them; null where it does not count. What an earlier transaction wrote may be in it: within one transaction it
-- only grows, and stays where nothing was written.
SELECT CASE WHEN pg_catalog.current_setting('track_counts')::boolean THEN sum(
    pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
    + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
    + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
)::bigint END AS written
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
    AND c.relkind = 'r'
