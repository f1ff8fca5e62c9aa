-- Gives what keep.sql kept the name under which it is made again, where the migration itself gave it another one before
-- it dropped it. Variables: made_as (JSON: [[table, column or null, table, column or null], ...]; null: it is the
-- table).
SELECT pg_catalog.set_config('pgmigrate.made_as', :'made_as', true);
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT q.id, q.column_name AS old, m.value ->> 2 AS table_name, m.value ->> 3 AS column_name
        FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.made_as')::jsonb) AS m
        JOIN pgmigrate.quarantines AS q
            ON q.table_name = m.value ->> 0
            AND (q.column_name = m.value ->> 1 OR q.column_name IS NULL AND m.value ->> 1 IS NULL)
        WHERE q.kind <> 'sequence'
            AND q.id IN (SELECT k.id FROM pg_temp.pgmigrate_kept AS k)
    LOOP
        UPDATE pgmigrate.quarantines AS q
        SET
            table_name = one.table_name,
            column_name = one.column_name
        WHERE q.id = one.id;
        IF one.old <> one.column_name THEN
            -- Both are written as SQL writes names.
            EXECUTE pg_catalog.format(
                'ALTER TABLE pgmigrate.%I RENAME COLUMN %s TO %s', 'quarantine_' || one.id, one.old, one.column_name
            );
        END IF;
    END LOOP;
END;
$$;
