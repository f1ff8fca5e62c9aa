-- Ends the session that is held open on a copy. Variables: held_name (what it calls itself).
SELECT pg_catalog.pg_terminate_backend(a.pid)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database()
    AND a.application_name = :'held_name';
