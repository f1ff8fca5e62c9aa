-- Makes again what others had built on what a rollback took away, where due.sql says so. What still lacks something
-- waits for a later step. Leaves made, and allowed: the lines that come with it. Variables: reading_check (see
-- psql/reading.sql). No function of others is run with the rights of the connection: materialized views are filled as
-- their owner, and what a superuser cannot make without running one it does not make.
SELECT pg_catalog.set_config('pgmigrate.made', '[]', true), pg_catalog.set_config('pgmigrate.reading_check', :'reading_check', true);
DO $$
DECLARE
    one record;
    statement text;
    home regclass;
    read oid[];
    is_filled boolean;
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
        is_filled := one.object LIKE 'materialized_view %' AND one.statements[1] NOT LIKE '% WITH NO DATA';
        BEGIN
            IF pg_catalog.current_setting('pgmigrate.reading_check') <> '' AND one.object ~ '^(constraint|index) ' THEN
                home := pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    pg_catalog.substring(one.statements[1], CASE
                        WHEN one.object LIKE 'index %' THEN '^CREATE .*?INDEX .*? ON (?:ONLY )?(.*?) USING '
                        ELSE '^ALTER TABLE (?:ONLY )?(.*?) ADD CONSTRAINT '
                    END),
                    pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                ));
                IF one.statements[1] ~ '^ALTER TABLE .* FOREIGN KEY ' THEN
                    -- Both tables are read to check it.
                    IF home IS NOT NULL THEN
                        EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', home);
                    END IF;
                    SELECT pg_catalog.array_agg(l.relation)
                    INTO read
                    FROM pg_catalog.pg_locks AS l
                    WHERE l.locktype = 'relation'
                        AND l.pid = pg_catalog.pg_backend_pid()
                        AND l.mode ~ '^(Share|Exclusive|AccessExclusive)';
                    EXECUTE pg_catalog.replace(
                        pg_catalog.current_setting('pgmigrate.reading_check'), 'TABLES', COALESCE(read, '{}')::text
                    );
                ELSIF one.object LIKE 'index %' AND EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_class AS c
                    JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
                    WHERE c.oid = home
                        AND NOT r.rolsuper
                ) THEN
                    -- It is built as the owner of its table.
                    NULL;
                ELSIF one.statements[1] ~ '(CHECK|\(.*\(| WHERE )' AND EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_proc AS p
                    JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
                    WHERE p.oid >= 16384
                        AND NOT r.rolsuper
                ) THEN
                    RAISE EXCEPTION 'a superuser could run functions of other roles for it: connect as the owner of the database (pg_user)';
                END IF;
            END IF;
            PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.schema_path'), true);
            FOREACH statement IN ARRAY one.statements LOOP
                IF is_filled AND statement LIKE 'CREATE MATERIALIZED VIEW %' THEN
                    statement := statement || ' WITH NO DATA';
                END IF;
                EXECUTE statement;
            END LOOP;
            IF is_filled THEN
                -- As its owner, whom it has only now, with the rows that this one sees.
                PERFORM pg_catalog.set_config('row_security', 'on', true);
                EXECUTE 'REFRESH MATERIALIZED VIEW ' || pg_catalog.substr(one.object, pg_catalog.length('materialized_view ') + 1);
                PERFORM pg_catalog.set_config('row_security', 'off', true);
            END IF;
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
