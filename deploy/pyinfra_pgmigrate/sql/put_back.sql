-- Puts back what earlier rollbacks kept of the tables and columns that this step has just made, in its own
-- transaction; no trigger of the application fires on that. A row that has been put back leaves the
-- quarantine; one whose row, or whose parent, is gone since stays there. Variables: tables (JSON: [name,
-- ...]), columns (JSON: [[table, column], ...]).
SELECT
    pg_catalog.set_config('pgmigrate.tables', :'tables', true),
    pg_catalog.set_config('pgmigrate.columns', :'columns', true),
    pg_catalog.set_config('pgmigrate.put_back', '[]', true);
DO $$
DECLARE
    one record;
    fired record;
    place text;
    target regclass;
    list text;
    parents text;
    same_key text;
    put bigint;
    remaining bigint;
    told jsonb := '[]';
BEGIN
    FOR one IN
        SELECT
            q.id,
            q.table_name,
            q.column_name,
            q.key_columns
        FROM pgmigrate.quarantines AS q
        WHERE q.restored_at IS NULL
            AND (
                q.column_name IS NULL
                    AND pg_catalog.current_setting('pgmigrate.tables')::jsonb ? q.table_name
                OR pg_catalog.current_setting('pgmigrate.columns')::jsonb
                    @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(q.table_name, q.column_name))
            )
        -- What was kept last is what was true last.
        ORDER BY q.id DESC
    LOOP
        place := 'pgmigrate.quarantine_' || one.id;
        target := pg_catalog.to_regclass(one.table_name);
        CONTINUE WHEN pg_catalog.to_regclass(place) IS NULL;

        -- Triggers of the application, not those of foreign keys: updated_at and prices stay what they are.
        FOR fired IN
            SELECT
                pg_catalog.quote_ident(t.tgname) AS name,
                CASE t.tgenabled WHEN 'O' THEN '' WHEN 'A' THEN 'ALWAYS ' END AS mode
            FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = target
                AND NOT t.tgisinternal
                AND t.tgenabled IN ('O', 'A')
        LOOP
            EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %s', target, fired.name);
            told := told || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
                'again', pg_catalog.format('ALTER TABLE %s ENABLE %sTRIGGER %s', target, fired.mode, fired.name)
            ));
        END LOOP;

        SELECT pg_catalog.string_agg(pg_catalog.format('t.%1$s = q.%1$s', k.name), ' AND ')
        INTO same_key
        FROM pg_catalog.unnest(one.key_columns) AS k (name);

        IF one.column_name IS NOT NULL THEN
            EXECUTE pg_catalog.format(
                'WITH put AS (UPDATE %1$s AS t SET %2$s = q.%2$s FROM %3$s AS q WHERE %4$s RETURNING q.*)'
                ' DELETE FROM %3$s AS q USING put AS t WHERE %4$s',
                target, one.column_name, place, same_key
            );
        ELSE
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
            INTO list
            FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_attribute AS b ON b.attname = a.attname
                AND b.attrelid = pg_catalog.to_regclass(place)
                AND b.attnum > 0
                AND NOT b.attisdropped
            WHERE a.attrelid = target
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND a.attgenerated = '';

            SELECT COALESCE(pg_catalog.string_agg(f.condition, ''), '')
            INTO parents
            FROM (
                SELECT pg_catalog.format(
                    ' AND (%s OR EXISTS (SELECT 1 FROM %s AS p WHERE %s))',
                    pg_catalog.string_agg(pg_catalog.format('q.%I IS NULL', a.attname), ' OR '),
                    c.confrelid::regclass,
                    pg_catalog.string_agg(pg_catalog.format('p.%I = q.%I', r.attname, a.attname), ' AND ')
                ) AS condition
                FROM pg_catalog.pg_constraint AS c
                CROSS JOIN LATERAL ROWS FROM (
                    pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)
                ) AS k (own, other)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.own
                JOIN pg_catalog.pg_attribute AS r ON r.attrelid = c.confrelid AND r.attnum = k.other
                WHERE c.conrelid = target
                    AND c.contype = 'f'
                    AND c.confrelid <> c.conrelid
                GROUP BY c.oid, c.confrelid
            ) AS f;

            -- A row is known by its place in the quarantine: a table may have no key.
            EXECUTE pg_catalog.format(
                'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s AS q WHERE true%s',
                target, list, list, place, parents
            );
            EXECUTE pg_catalog.format('DELETE FROM %s AS q WHERE true%s', place, parents);
        END IF;
        GET DIAGNOSTICS put = ROW_COUNT;

        EXECUTE pg_catalog.format('SELECT count(*) FROM %s', place) INTO remaining;
        UPDATE pgmigrate.quarantines AS q
        SET
            restored_at = pg_catalog.clock_timestamp(),
            row_count = remaining
        WHERE q.id = one.id;
        IF remaining = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE %s', place);
        END IF;
        told := told || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
            'object', one.table_name || COALESCE('.' || one.column_name, ''), 'put', put, 'left', remaining
        ));
    END LOOP;

    -- Checks of foreign keys that wait for the end of the transaction keep a table from being altered.
    IF told @? '$[*].again' THEN
        SET CONSTRAINTS ALL IMMEDIATE;
    END IF;
    FOR one IN
        SELECT t.value ->> 'again' AS statement
        FROM pg_catalog.jsonb_array_elements(told) AS t
        WHERE t.value ? 'again'
    LOOP
        EXECUTE one.statement;
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.put_back', (
        SELECT COALESCE(pg_catalog.jsonb_agg(t.value), '[]')::text
        FROM pg_catalog.jsonb_array_elements(told) AS t
        WHERE t.value ? 'object'
    ), true);
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.put_back') AS put_back \gset
