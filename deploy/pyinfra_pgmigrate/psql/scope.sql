-- Which rows of the registry a session works on: those of the database, or those of one of its schemas. Since version 9
-- of the registry; all older rows are of the database. Variables: scope (a schema; empty: the database),
-- registry_exists. Sets of_scope (condition on rows of migrations and catalogs) and of_run (on rows that name their
-- run).
\set of_scope true
\set of_run true
\if :registry_exists
SELECT
    CASE
        WHEN k.knows_schemas THEN pg_catalog.format('schema_name = %L', :'scope')
        ELSE (:'scope' = '')::text
    END AS of_scope,
    CASE
        WHEN NOT k.knows_schemas THEN (:'scope' = '')::text
        WHEN :'scope' = '' THEN 'run_id NOT IN (SELECT u.run_id FROM pgmigrate.runs AS u WHERE u.schema_name <> '''')'
        ELSE pg_catalog.format('run_id IN (SELECT u.run_id FROM pgmigrate.runs AS u WHERE u.schema_name = %L)', :'scope')
    END AS of_run
FROM (
    SELECT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.runs')
            AND a.attname = 'schema_name'
            AND NOT a.attisdropped
    )
) AS k (knows_schemas) \gset
\endif
