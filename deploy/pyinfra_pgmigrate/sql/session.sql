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
SELECT pg_catalog.set_config('pgmigrate.schema_path', pg_catalog.quote_ident(:'schema') || ', pg_temp', false);
-- What the name of a relation begins with in the target schema, as a regular expression: lines leave it out.
SELECT '^' || pg_catalog.regexp_replace(pg_catalog.quote_ident(:'schema'), '([^[:alnum:]_])', E'\\\\\\1', 'g') || E'\\.'
    AS in_schema \gset
SET application_name = :'application_name';
-- Settings under this name hold what a step found: no statement of a migration can know it, let alone write there.
SELECT 'pgmigrate.k' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '') AS secret \gset
\set before :secret _before
\set after :secret _after
-- PostgreSQL notices a dead psql only when it next writes to it, unless told to look (14 and later).
SELECT pg_catalog.set_config(s.name, '1s', false)
FROM pg_catalog.pg_settings AS s
WHERE s.name = 'client_connection_check_interval';
