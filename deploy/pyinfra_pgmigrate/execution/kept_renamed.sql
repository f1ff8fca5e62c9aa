-- Gives what was kept of what this step gave another name that name, too: where a rollback took the migration back, and
-- what an earlier migration drops and makes again was kept since. Variables: version, renames (JSON: [[table, column or
-- null, table after, column after or null], ...], in order; as SQL writes them).
SELECT pg_catalog.set_config('pgmigrate.renames', pg_catalog.jsonb_build_object(
    'runs', ARRAY(SELECT r.run_id FROM pgmigrate.runs AS r WHERE :of_run), 'version', :'version'::bigint,
    'renames', :'renames'::jsonb
)::text, true) AS ignored \gset
DO $renamed$
DECLARE
    renaming record;
    one record;
BEGIN
    FOR renaming IN
        SELECT r.value ->> 0 AS "table", r.value ->> 1 AS "column", r.value ->> 2 AS table_after, r.value ->> 3 AS column_after
        FROM pg_catalog.jsonb_array_elements(
            pg_catalog.current_setting('pgmigrate.renames')::jsonb -> 'renames'
        ) WITH ORDINALITY AS r (value, place)
        ORDER BY r.place
    LOOP
        FOR one IN
            SELECT k.id, a.attname
            FROM pgmigrate.quarantines AS k
            LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND pg_catalog.quote_ident(a.attname) = renaming."column"
            WHERE k.table_name = renaming."table"
                AND k.restored_at IS NULL
                AND k.dropped_at IS NULL
                AND pg_catalog.current_setting('pgmigrate.renames')::jsonb -> 'runs' ? k.run_id::text
                AND k.at > (
                    SELECT pg_catalog.max(e.at)
                    FROM pgmigrate.events AS e
                    WHERE e.version = (pg_catalog.current_setting('pgmigrate.renames')::jsonb ->> 'version')::bigint
                        AND e.event = 'reverted'
                        AND pg_catalog.current_setting('pgmigrate.renames')::jsonb -> 'runs' ? e.run_id::text
                )
        LOOP
            IF renaming."column" IS NULL THEN
                UPDATE pgmigrate.quarantines AS k SET table_name = renaming.table_after WHERE k.id = one.id;
                CONTINUE;
            END IF;
            IF one.attname IS NOT NULL THEN
                EXECUTE pg_catalog.format(
                    'ALTER TABLE pgmigrate.%I RENAME COLUMN %I TO %s', 'quarantine_' || one.id, one.attname,
                    renaming.column_after
                );
            END IF;
            UPDATE pgmigrate.quarantines AS k
            SET
                column_name = CASE
                    WHEN k.column_name = renaming."column" THEN renaming.column_after
                    ELSE k.column_name
                END,
                key_columns = pg_catalog.array_replace(k.key_columns, renaming."column", renaming.column_after)
            WHERE k.id = one.id;
        END LOOP;
    END LOOP;
END
$renamed$;
