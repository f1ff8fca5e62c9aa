-- Makes again what others had built on what a rollback took away, where due.sql says so. What still lacks something
-- waits for a later step. Leaves made, and allowed: the lines that come with it.
SELECT pg_catalog.set_config('pgmigrate.made', '[]', true);
DO $$
DECLARE
    one record;
    statement text;
    reason text;
    waits boolean;
    allowed jsonb := '[]';
    told jsonb := '[]';
BEGIN
    FOR one IN
        SELECT d.id, d.object, d.statements, d.lines
        FROM pgmigrate.dependents AS d
        WHERE pg_catalog.current_setting('pgmigrate.dependents')::jsonb @> pg_catalog.to_jsonb(d.id)
        ORDER BY d.id
    LOOP
        reason := '';
        waits := false;
        BEGIN
            PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.schema_path'), true);
            FOREACH statement IN ARRAY one.statements LOOP
                EXECUTE statement;
            END LOOP;
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            UPDATE pgmigrate.dependents AS d
            SET restored_at = pg_catalog.clock_timestamp()
            WHERE d.id = one.id;
            allowed := allowed || pg_catalog.to_jsonb(one.lines);
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN
                RAISE;
            WHEN undefined_table OR undefined_column OR undefined_function OR undefined_object OR invalid_schema_name THEN
                reason := SQLERRM;
                waits := true;
            WHEN OTHERS THEN
                reason := SQLERRM;
        END;
        told := told || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(one.object, reason, waits));
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.allowed', allowed::text, true);
    PERFORM pg_catalog.set_config('pgmigrate.made', told::text, true);
END;
$$;
SELECT
    pg_catalog.current_setting('pgmigrate.made') AS made,
    pg_catalog.current_setting('pgmigrate.allowed') AS allowed \gset
