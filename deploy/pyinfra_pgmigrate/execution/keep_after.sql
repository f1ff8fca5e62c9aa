-- Ends what keep.sql began: takes out of the quarantine what is still there, under whatever name, and leaves where
-- those sequences were that are gone. Variables: emptied (JSON: tables that stay, without the rows that they had).
SELECT pg_catalog.set_config('pgmigrate.emptied', :'emptied', true);
DO $$
DECLARE
    one record;
    more record;
    place bigint;
    kept bigint;
    keys text[];
BEGIN
    FOR one IN
        SELECT k.id, k.relation, k.attnum, q.run_id, q.table_name, q.key_columns
        FROM pg_temp.pgmigrate_kept AS k
        JOIN pgmigrate.quarantines AS q ON q.id = k.id
        JOIN pg_catalog.pg_class AS c ON c.oid = k.relation
        WHERE NOT pg_catalog.current_setting('pgmigrate.emptied')::jsonb ? q.table_name
            AND (
                k.attnum IS NULL
                OR EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = k.relation
                        AND a.attnum = k.attnum
                        AND NOT a.attisdropped
                )
            )
    LOOP
        -- The table has another name; of its columns those that are gone stay.
        FOR more IN
            SELECT w.attnum, pg_catalog.quote_ident(w.name) AS name
            FROM pg_temp.pgmigrate_columns AS w
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.relation AND a.attnum = w.attnum AND a.attisdropped
            WHERE one.attnum IS NULL
                AND w.relation = one.relation
            ORDER BY w.attnum
        LOOP
            keys := CASE WHEN one.key_columns && ARRAY(
                SELECT pg_catalog.quote_ident(w.name)
                FROM pg_temp.pgmigrate_columns AS w
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.relation AND a.attnum = w.attnum AND a.attisdropped
                WHERE w.relation = one.relation
            ) THEN '{}' ELSE one.key_columns END;
            INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns)
            VALUES (one.run_id, 'column', one.table_name, more.name, keys)
            RETURNING id INTO place;
            EXECUTE pg_catalog.format(
                'CREATE TABLE pgmigrate.%I AS SELECT %s FROM pgmigrate.%I AS q',
                'quarantine_' || place,
                (
                    SELECT pg_catalog.string_agg('q.' || pg_catalog.quote_ident(w.name), ', ' ORDER BY w.attnum)
                    FROM pg_temp.pgmigrate_columns AS w
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.relation AND a.attnum = w.attnum
                    WHERE w.relation = one.relation
                        AND (
                            w.attnum = more.attnum
                            OR pg_catalog.quote_ident(w.name) = ANY (keys)
                            OR keys = '{}' AND NOT a.attisdropped
                        )
                ),
                'quarantine_' || one.id
            );
            GET DIAGNOSTICS kept = ROW_COUNT;
            UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = place;
            INSERT INTO pg_temp.pgmigrate_kept
            VALUES (place, one.relation, more.attnum);
        END LOOP;
        EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || one.id);
        DELETE FROM pgmigrate.quarantines AS q WHERE q.id = one.id;
    END LOOP;

    SELECT k.id
    INTO place
    FROM pg_temp.pgmigrate_kept AS k
    WHERE k.relation IS NULL;
    EXECUTE pg_catalog.format(
        'DELETE FROM pgmigrate.%I AS q USING pg_catalog.pg_sequence AS s'
        ' WHERE s.seqrelid = q.place AND NOT q.is_restarted',
        'quarantine_' || place
    );
    -- One that is restarted twice is where it was before the first time.
    FOR more IN
        SELECT o.id
        FROM pgmigrate.quarantines AS q
        JOIN pgmigrate.quarantines AS o ON o.run_id = q.run_id AND o.kind = 'sequence' AND o.id < q.id
        WHERE q.id = place
            AND pg_catalog.to_regclass('pgmigrate.quarantine_' || o.id) IS NOT NULL
    LOOP
        EXECUTE pg_catalog.format(
            'DELETE FROM pgmigrate.%I AS q USING pgmigrate.%I AS o WHERE o.place = q.place',
            'quarantine_' || place, 'quarantine_' || more.id
        );
    END LOOP;
    EXECUTE pg_catalog.format('SELECT count(*) FROM pgmigrate.%I', 'quarantine_' || place) INTO kept;
    UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = place;
    IF kept = 0 THEN
        EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || place);
        DELETE FROM pgmigrate.quarantines AS q WHERE q.id = place;
    END IF;
END;
$$;
