-- For psql alone: ends the sessions of a database, again and again, until it has another name. Variables:
-- oid, name.
SET application_name = 'pgmigrate restore';
SELECT
    pg_catalog.set_config('pgmigrate.oid', :'oid', false),
    pg_catalog.set_config('pgmigrate.name', :'name', false);
DO $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp() + interval '10 s';
BEGIN
    LOOP
        PERFORM pg_catalog.pg_stat_clear_snapshot();
        PERFORM pg_catalog.pg_terminate_backend(a.pid)
        FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datid = pg_catalog.current_setting('pgmigrate.oid')::oid
            AND a.pid <> pg_catalog.pg_backend_pid();
        EXIT WHEN pg_catalog.clock_timestamp() > deadline OR NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_database AS d
            WHERE d.oid = pg_catalog.current_setting('pgmigrate.oid')::oid
                AND d.datname = pg_catalog.current_setting('pgmigrate.name')
        );
        PERFORM pg_catalog.pg_sleep(0.02);
    END LOOP;
END;
$$;
