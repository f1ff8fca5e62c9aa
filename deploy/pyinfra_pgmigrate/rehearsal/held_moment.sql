-- Says that a moment has come, and waits until the session that is held open has executed its statements. Prints the
-- word answered: whether it has. Variables: moment.
SELECT pg_catalog.pg_advisory_lock(1886414196, 2 * :moment);
SELECT
    pg_catalog.set_config('pgmigrate.moment', :'moment', false),
    pg_catalog.set_config('pgmigrate.answered', 'false', false);
DO $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp() + interval '30 s';
BEGIN
    WHILE pg_catalog.clock_timestamp() < deadline LOOP
        IF EXISTS (
            SELECT 1
            FROM pg_catalog.pg_locks AS l
            JOIN pg_catalog.pg_database AS d ON d.oid = l.database
            WHERE l.locktype = 'advisory'
                AND l.classid = 1886414196
                AND l.objid = (2 * pg_catalog.current_setting('pgmigrate.moment')::integer + 1)::oid
                AND l.granted
                AND d.datname = pg_catalog.current_database()
        ) THEN
            PERFORM pg_catalog.set_config('pgmigrate.answered', 'true', false);
            EXIT;
        END IF;
        COMMIT;
        PERFORM pg_catalog.pg_sleep(0.01);
        COMMIT;
    END LOOP;
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.answered') AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate answered :payload
