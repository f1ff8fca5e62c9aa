-- Runs a statement of a group, and takes down when it began. Calls functions of pg_catalog and no operators: search_path may
-- be that of the statement before. Variables: statement, place (of its member in the session), number, application_name,
-- path (search_path of the statement).
SELECT :'statement'
FROM pg_catalog.set_config(
    'pgmigrate.timed',
    pg_catalog.concat(
        pg_catalog.current_setting('pgmigrate.timed'), ',[', :'place', ',', :'number', ',',
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()), ']'
    ),
    false
)
CROSS JOIN pg_catalog.set_config('application_name', :'application_name', false) AS n (name)
CROSS JOIN pg_catalog.set_config('search_path', :'path', false) AS p (path) \gexec
