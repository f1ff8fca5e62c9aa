-- Prepares a statement of the application that stays prepared while migrations run; what fails here shows when it is
-- executed. Variables: held (name), role (may be empty), statement.
\set ON_ERROR_STOP off
SELECT pg_catalog.set_config('role', COALESCE(NULLIF(:'role', ''), 'none'), false);
SELECT pg_catalog.format('PREPARE %I AS %s', :'held', :'statement') AS prepared \gset
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
SELECT :'prepared' \gexec
RESET ROLE;
SET search_path = pg_catalog, pg_temp;
\set ON_ERROR_STOP on
