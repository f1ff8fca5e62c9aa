-- For psycopg, prepared: the relations of the application, with catalog key and storage, to tell what a statement met,
-- locked and rewrote. In place of :among the caller puts what is true of the oids that are read.
SELECT
    c.oid::bigint AS oid,
    CASE c.relkind
        WHEN 'v' THEN 'view '
        WHEN 'm' THEN 'materialized_view '
        WHEN 'S' THEN 'sequence '
        WHEN 'i' THEN 'index '
        WHEN 'I' THEN 'index '
        ELSE 'table '
    END
        || CASE WHEN n.nspname = pg_catalog.current_schema() THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
        || pg_catalog.quote_ident(c.relname) AS key,
    c.relkind::text AS kind,
    c.relfilenode::bigint AS storage
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'pgmigrate')
    AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I')
    AND c.oid :among
