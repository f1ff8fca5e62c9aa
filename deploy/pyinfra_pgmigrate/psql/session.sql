-- Begins every session of the library, before pinned.sql. Variables: application_name, schema.
\set ON_ERROR_STOP on
\set VERBOSITY verbose
\o /dev/null
-- What the library itself runs finds functions, operators and types in pg_catalog alone: nothing that others made can
-- be called by it. Only statements of the migrations, and definitions of the application, find what is in its schema.
SET search_path = pg_catalog, pg_temp;
-- What the controller reads is one word without white space, whatever the encodings between here and there.
PREPARE pgmigrate_encode (text) AS
SELECT pg_catalog.replace(
    pg_catalog.encode(pg_catalog.convert_to($1, 'UTF8'), 'base64'), E'\n', ''
) AS payload;
SELECT pg_catalog.current_setting('server_version_num')::integer < 150000 AS is_too_old \gset
\if :is_too_old
SELECT pg_catalog.to_json(pg_catalog.current_setting('server_version'))::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate too_old :payload
\quit
\endif
SET application_name = :'application_name';
-- The registry is read and written as what it is said to be: plain tables of a role that this session trusts, which
-- are its own roles, a superuser and the owner of the database. A view, or a table with a trigger, could run anything.
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pgmigrate') AS registry_exists \gset
\set is_planted false
\if :registry_exists
WITH home AS (
    SELECT n.oid, n.nspowner
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname = 'pgmigrate'
),
trusted AS (
    SELECT r.oid
    FROM pg_catalog.pg_roles AS r
    CROSS JOIN (
        SELECT m.rolsuper FROM pg_catalog.pg_roles AS m WHERE m.rolname = CURRENT_USER
    ) AS me
    WHERE r.rolsuper
        OR r.oid = (SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
        OR r.rolname = CURRENT_USER
        -- A superuser is a member of every role, which says nothing.
        OR NOT me.rolsuper AND pg_catalog.pg_has_role(r.oid, 'USAGE')
),
found AS (
    SELECT 'schema' AS kind, 'pgmigrate' AS name, h.nspowner AS owner, NULL::text AS why
    FROM home AS h

    UNION ALL
    SELECT
        CASE c.relkind
            WHEN 'r' THEN 'table'
            WHEN 'p' THEN 'partitioned table'
            WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view'
            ELSE 'foreign table'
        END,
        'pgmigrate.' || pg_catalog.quote_ident(c.relname),
        c.relowner,
        CASE
            WHEN c.relkind <> 'r' THEN 'is no plain table'
            WHEN c.relhasrules THEN 'has a rule'
            WHEN c.relrowsecurity THEN 'has row security'
            WHEN c.relispartition THEN 'is a partition'
            WHEN EXISTS (
                SELECT 1
                FROM pg_catalog.pg_trigger AS t
                JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
                WHERE t.tgrelid = c.oid
                    AND NOT t.tgisinternal
                    AND p.proowner NOT IN (SELECT u.oid FROM trusted AS u)
            ) THEN 'has a trigger of somebody else'
            WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent))
                THEN 'inherits'
        END
    FROM home AS h
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = h.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
),
judged AS (
    SELECT
        f.kind || ' ' || f.name || ' ' || COALESCE(
            f.why, 'belongs to role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.owner))
        ) AS problem
    FROM found AS f
    WHERE f.why IS NOT NULL
        OR f.owner NOT IN (SELECT u.oid FROM trusted AS u)
)
SELECT
    COALESCE((SELECT pg_catalog.json_agg(j.problem ORDER BY j.problem) FROM judged AS j), '[]'::json)::text AS payload,
    EXISTS (SELECT 1 FROM judged) AS is_planted \gset
\endif
\if :is_planted
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate planted :payload
\quit
\endif
-- Settings under this name hold what a step found: no statement of a migration can know it, let alone write there.
SELECT 'pgmigrate.k' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '') AS secret \gset
\set before :secret _before
\set after :secret _after
-- PostgreSQL notices a dead psql only when it next writes to it, unless told to look (14 and later).
SELECT pg_catalog.set_config(s.name, '1s', false)
FROM (VALUES ('client_connection_check_interval')) AS s (name)
WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL;
