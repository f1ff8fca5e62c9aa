-- Waits until the rehearsal says that a moment has come: it then holds an advisory lock of that number. In
-- transactions of some milliseconds, as a longer one would keep CREATE INDEX CONCURRENTLY waiting. Variables: moment,
-- alone_s (seconds after which nobody else is at work on the copy any more).
SELECT
    pg_catalog.set_config('pgmigrate.moment', :'moment', false),
    pg_catalog.set_config('pgmigrate.alone_s', :'alone_s', false),
    pg_catalog.set_config('statement_timeout', '0', false);
DO $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp() + interval '12 h';
    company timestamptz := pg_catalog.clock_timestamp();
    looks integer := 0;
BEGIN
    LOOP
        EXIT WHEN EXISTS (
            SELECT 1
            FROM pg_catalog.pg_locks AS l
            JOIN pg_catalog.pg_database AS d ON d.oid = l.database
            WHERE l.locktype = 'advisory'
                AND l.classid = 1886414196
                AND l.objid = (2 * pg_catalog.current_setting('pgmigrate.moment')::integer)::oid
                AND l.granted
                AND d.datname = pg_catalog.current_database()
        );
        IF pg_catalog.clock_timestamp() > deadline THEN
            RAISE EXCEPTION 'nobody said that moment % has come', pg_catalog.current_setting('pgmigrate.moment');
        END IF;
        -- Once in a second: a run that was killed does not come back, and its copy waits for the next one.
        looks := looks + 1;
        IF looks % 50 = 0 THEN
            IF EXISTS (
                SELECT 1
                FROM pg_catalog.pg_stat_activity AS a
                WHERE a.datname = pg_catalog.current_database()
                    AND a.pid <> pg_catalog.pg_backend_pid()
            ) THEN
                company := pg_catalog.clock_timestamp();
            ELSIF pg_catalog.clock_timestamp() > company
                + pg_catalog.make_interval(secs => pg_catalog.current_setting('pgmigrate.alone_s')::double precision)
            THEN
                RAISE EXCEPTION 'no other session is at work on this copy any more';
            END IF;
        END IF;
        COMMIT;
        PERFORM pg_catalog.pg_sleep(0.02);
        COMMIT;
    END LOOP;
END;
$$;
SET statement_timeout = '60s';
