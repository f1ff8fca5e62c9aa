-- Tries something that the application does, and undoes it. Waits for no lock for long. Variables: name,
-- role (may be empty), statements (JSON).
BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '60s';
SELECT
    pg_catalog.set_config('pgmigrate.statements', :'statements', true),
    pg_catalog.set_config('pgmigrate.role', :'role', true),
    pg_catalog.set_config('pgmigrate.why', '', true);
DO $$
DECLARE
    statement text;
    statements jsonb := pg_catalog.current_setting('pgmigrate.statements')::jsonb;
    why text := '';
BEGIN
    BEGIN
        IF pg_catalog.current_setting('pgmigrate.role') <> '' THEN
            PERFORM pg_catalog.set_config('role', pg_catalog.current_setting('pgmigrate.role'), true);
            SET LOCAL row_security = on;
        END IF;
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
        FOR statement IN SELECT s.value FROM pg_catalog.jsonb_array_elements_text(statements) AS s LOOP
            EXECUTE statement;
        END LOOP;
        SET CONSTRAINTS ALL IMMEDIATE;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXCEPTION
        WHEN OTHERS THEN
            why := SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')';
    END;
    PERFORM pg_catalog.set_config('pgmigrate.why', why, true);
END;
$$;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT pg_catalog.json_build_array(:'name', pg_catalog.current_setting('pgmigrate.why'))::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate use :payload
ROLLBACK;
