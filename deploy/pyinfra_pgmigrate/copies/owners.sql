-- Runs the statements of a dump that set owners and rights on a copy, each for itself. The caller has the
-- transaction. Prints the word failed: place, SQLSTATE and message of those that fail.
-- Variables: statements (JSON).
SELECT
    pg_catalog.set_config('pgmigrate.statements', :'statements', false),
    pg_catalog.set_config('pgmigrate.failed', '[]', false);
DO $$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    failed jsonb := '[]';
    one record;
BEGIN
    -- As pg_restore has it: nothing that the copy holds is meant by a name without a schema.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR one IN
        SELECT
            s.statement,
            s.place
        FROM pg_catalog.jsonb_array_elements_text(
            pg_catalog.current_setting('pgmigrate.statements')::jsonb
        ) WITH ORDINALITY AS s (statement, place)
    LOOP
        BEGIN
            EXECUTE one.statement;
        EXCEPTION
            WHEN OTHERS THEN
                failed := failed || pg_catalog.jsonb_build_array(
                    pg_catalog.jsonb_build_array(one.place - 1, SQLSTATE, SQLERRM)
                );
        END;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', path, true);
    PERFORM pg_catalog.set_config('pgmigrate.failed', failed::text, false);
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.failed') AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate failed :payload
