-- After members whose statements set nothing, so that nothing was set back after each of them: leaves with the outcome
-- "unexpected" when something was set all the same (by a function that one of them ran), and had effect on the next.
-- Variables: settled.
SET search_path = pg_catalog, pg_temp;
EXECUTE pgmigrate_settings \gset
SELECT :'settings' <> :'settled' AS is_unsettled \gset
\if :is_unsettled
SELECT pg_catalog.json_build_object(
    'result', 'unexpected',
    'foreign', pg_catalog.json_build_array('a statement that set something for the session')
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
ROLLBACK;
\echo ##pgmigrate outcome :payload
\quit
\endif
