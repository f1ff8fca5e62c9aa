-- After members whose statements set nothing, so that nothing was set back after each of them: takes down when the last one
-- ended, and leaves with the outcome "unexpected" when something was set all the same (by a function that one of them ran),
-- and had effect on the next. Variables: settled, place (of the last one).
SET search_path = pg_catalog, pg_temp;
SELECT pg_catalog.set_config(
    'pgmigrate.timed',
    pg_catalog.concat(
        pg_catalog.current_setting('pgmigrate.timed'), ',[', :'place', ',0,',
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()), ']'
    ),
    false
);
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
