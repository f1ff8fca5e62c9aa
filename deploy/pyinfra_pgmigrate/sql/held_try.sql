-- Executes a statement that was prepared before, twice; where it fails, prepares it anew and executes that. Prints the
-- word held: name, moment, SQLSTATE, message, SQLSTATE of the second time and prepared anew. Variables: held, role,
-- statement, moment.
\set ON_ERROR_STOP off
SELECT pg_catalog.set_config('role', COALESCE(NULLIF(:'role', ''), 'none'), false);
EXECUTE :"held";
\set first :SQLSTATE
\set why :LAST_ERROR_MESSAGE
\set again :first
\set anew :first
SELECT :'first' <> '00000' AS failed \gset
\if :failed
EXECUTE :"held";
\set again :SQLSTATE
DEALLOCATE :"held";
SELECT pg_catalog.format('PREPARE %I AS %s', :'held', :'statement')
\gexec
\set anew :SQLSTATE
SELECT :'anew' = '00000' AS is_prepared \gset
\if :is_prepared
EXECUTE :"held";
\set anew :SQLSTATE
\else
-- What \gexec ran leaves no SQLSTATE where it failed.
\set anew ''
\endif
\else
\set why ''
\endif
RESET ROLE;
\set ON_ERROR_STOP on
SELECT pg_catalog.json_build_array(
    :'held'::text, :'moment'::integer, :'first'::text, :'why'::text, :'again'::text, :'anew'::text
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate held :payload
