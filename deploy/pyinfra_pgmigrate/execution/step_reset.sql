-- Leaves with the outcome "unexpected" when the statements took back what the session keeps in settings. Variables: before,
-- in_transaction.
SELECT COALESCE(pg_catalog.current_setting(:'before', true), '') = '' AS is_reset \gset
\if :is_reset
SELECT pg_catalog.json_build_object(
    'result', 'unexpected',
    'foreign', pg_catalog.json_build_array('a statement that took back all settings of the session (RESET ALL)')
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\if :in_transaction
ROLLBACK;
\endif
\echo ##pgmigrate outcome :payload
\quit
\endif
