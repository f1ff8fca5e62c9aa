-- For psycopg: the tables of the application, as SQL writes them.
SELECT c.oid::pg_catalog.regclass::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
    AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema';
