-- After a statement of a group: takes down when it ended, and in which schemas the next one of its member finds names.
-- Calls functions of pg_catalog and no operators, as group_statement.sql. Variables: place. Leaves path.
SELECT
    pg_catalog.current_setting('search_path') AS path,
    pg_catalog.set_config(
        'pgmigrate.timed',
        pg_catalog.concat(
            pg_catalog.current_setting('pgmigrate.timed'), ',[', :'place', ',0,',
            pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()), ']'
        ),
        false
    ) AS timed \gset
SET search_path = pg_catalog, pg_temp;
