-- Takes the table locks of a step all at once or not at all, without standing in the queue: whoever
-- waits in it keeps all that come after waiting too. When they are not to be had in that time, the
-- statements themselves wait, at most lock_timeout.
-- Variables: locks (JSON: [[mode, table with its schema], ...]), lock_poll_s, lock_timeout_ms.
SELECT
    pg_catalog.set_config('pgmigrate.locks', :'locks', true),
    pg_catalog.set_config('pgmigrate.lock_poll_s', :'lock_poll_s', true),
    pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', true);
DO $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp()
        + pg_catalog.make_interval(secs => pg_catalog.current_setting('pgmigrate.lock_poll_s')::double precision);
    wanted record;
BEGIN
    LOOP
        BEGIN
            FOR wanted IN
                SELECT
                    l.mode,
                    l.relation
                FROM (
                    SELECT
                        w.value ->> 0 AS mode,
                        pg_catalog.to_regclass(w.value ->> 1) AS relation
                    FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.locks')::jsonb) AS w
                    -- Before the join: not once for each relation of the database.
                    OFFSET 0
                ) AS l
                JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
                -- LOCK TABLE asks for more privileges than some DDL, such as a foreign key, does.
                WHERE pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
                    AND c.relkind IN ('r', 'p')
                ORDER BY 2
            LOOP
                EXECUTE pg_catalog.format('LOCK TABLE %s IN %s MODE NOWAIT', wanted.relation, wanted.mode);
            END LOOP;
            RETURN;
        EXCEPTION
            WHEN lock_not_available THEN
                IF pg_catalog.clock_timestamp() > deadline THEN
                    RETURN;
                END IF;
        END;
        PERFORM pg_catalog.pg_sleep(0.005);
    END LOOP;
END;
$$;
