-- Stays until the rehearsal has seen that the last moment is done: what says so ends with this session. Variables:
-- none of its own; the setting pgmigrate.moment.
DO $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp() + interval '60 s';
BEGIN
    WHILE pg_catalog.clock_timestamp() < deadline AND EXISTS (
        SELECT 1
        FROM pg_catalog.pg_locks AS l
        JOIN pg_catalog.pg_database AS d ON d.oid = l.database
        WHERE l.locktype = 'advisory'
            AND l.classid = 1886414196
            AND l.objid = (2 * pg_catalog.current_setting('pgmigrate.moment')::integer)::oid
            AND l.granted
            AND d.datname = pg_catalog.current_database()
    ) LOOP
        COMMIT;
        PERFORM pg_catalog.pg_sleep(0.02);
        COMMIT;
    END LOOP;
END;
$$;
