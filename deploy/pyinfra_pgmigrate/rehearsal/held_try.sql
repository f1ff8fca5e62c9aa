-- Executes a statement that was prepared before, twice; where it fails, prepares it again and executes that. Prints the
-- word held: name, moment, SQLSTATE, message, SQLSTATE of the second time and prepared again. Variables: held, role,
-- statement, moment.
\set ON_ERROR_STOP off
SELECT pg_catalog.set_config('role', COALESCE(NULLIF(:'role', ''), 'none'), false);
SELECT pg_catalog.format('PREPARE %I AS %s', :'held', :'statement') AS prepared \gset
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
EXECUTE :"held";
\set first :SQLSTATE
\set why :LAST_ERROR_MESSAGE
\set again :first
\set reprepared :first
SET search_path = pg_catalog, pg_temp;
SELECT :'first' <> '00000' AS failed \gset
\if :failed
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
EXECUTE :"held";
\set again :SQLSTATE
DEALLOCATE :"held";
SELECT :'prepared' \gexec
\set reprepared :SQLSTATE
SET search_path = pg_catalog, pg_temp;
SELECT :'reprepared' = '00000' AS is_prepared \gset
\if :is_prepared
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
EXECUTE :"held";
\set reprepared :SQLSTATE
SET search_path = pg_catalog, pg_temp;
\else
-- What \gexec ran leaves no SQLSTATE where it failed.
\set reprepared ''
\endif
\else
\set why ''
\endif
RESET ROLE;
\set ON_ERROR_STOP on
SELECT pg_catalog.json_build_array(
    :'held'::text, :'moment'::integer, :'first'::text, :'why'::text, :'again'::text, :'reprepared'::text
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate held :payload
