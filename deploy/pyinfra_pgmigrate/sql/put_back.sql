-- Puts back what due.sql found. A row that has been put back leaves the quarantine; one that cannot be stays
-- there, and is told with the reason: its row or its parent is gone since, or another has taken its place.
DO $$
DECLARE
    one record;
    row_place tid;
    place text;
    target regclass;
    list text;
    keys text;
    same_key text;
    condition text;
    reason text;
    statement text;
    put bigint;
    turn bigint;
    remaining bigint;
    lefts jsonb;
    later text[];
    more text;
    waiting text;
    told jsonb := '[]';
BEGIN
    FOR one IN
        SELECT q.*
        FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.due')::jsonb)
            WITH ORDINALITY AS d (id, turn)
        JOIN pgmigrate.quarantines AS q ON q.id = d.id::bigint
        ORDER BY d.turn
    LOOP
        place := 'pgmigrate.quarantine_' || one.id;
        target := pg_catalog.to_regclass(one.table_name);
        SELECT
            COALESCE(pg_catalog.string_agg(pg_catalog.format('t.%1$s = q.%1$s', k.name), ' AND '), 'false'),
            COALESCE('pg_catalog.concat_ws('', '', ' || pg_catalog.string_agg('q.' || k.name, ', ') || ')', 'q::text')
        INTO same_key, keys
        FROM pg_catalog.unnest(one.key_columns) AS k (name);

        IF one.kind IN ('table', 'row') THEN
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
            INTO condition
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
            condition := condition || pg_catalog.format(' AND NOT EXISTS (SELECT 1 FROM %s AS t WHERE %s)', target, same_key);
            reason := 'what it belongs to is gone, or its key is taken';
            statement := pg_catalog.format(
                'WITH taken AS (DELETE FROM %1$s AS q WHERE true%2$s%%s RETURNING q.*)'
                ' INSERT INTO %3$s (%4$s) OVERRIDING SYSTEM VALUE SELECT %4$s FROM taken',
                place, pg_catalog.replace(condition, '%', '%%'), pg_catalog.replace(target::text, '%', '%%'),
                pg_catalog.replace(list, '%', '%%')
            );
        ELSE
            SELECT
                pg_catalog.string_agg(pg_catalog.format('%1$I = q.%1$I', a.attname), ', '),
                CASE one.kind
                    -- A name that somebody gave since stays; so does what points somewhere else by now.
                    WHEN 'name' THEN pg_catalog.format(' AND t.%s = q.pgmigrate_given', one.column_name)
                    WHEN 'reference' THEN COALESCE(pg_catalog.string_agg(
                        CASE WHEN a.attnotnull THEN '' ELSE pg_catalog.format(' AND t.%I IS NULL', a.attname) END, ''
                    ), '')
                    ELSE ''
                END
            INTO list, condition
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = pg_catalog.to_regclass(place)
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND a.attname <> 'pgmigrate_given'
                AND pg_catalog.quote_ident(a.attname) <> ALL (one.key_columns);
            reason := CASE WHEN one.kind = 'column' THEN 'its row is gone' ELSE 'its row is gone, or was changed since' END;
            statement := pg_catalog.format(
                'WITH put AS (UPDATE %1$s AS t SET %2$s FROM %3$s AS q WHERE %4$s%5$s%%s RETURNING q.ctid AS place)'
                ' DELETE FROM %3$s AS q USING put AS p WHERE q.ctid = p.place',
                pg_catalog.replace(target::text, '%', '%%'), pg_catalog.replace(list, '%', '%%'), place,
                pg_catalog.replace(same_key, '%', '%%'),
                pg_catalog.replace(condition, '%', '%%')
            );
        END IF;

        -- Columns that a later migration adds: their values wait for it by themselves.
        later := '{}';
        FOR more IN
            SELECT pg_catalog.quote_ident(b.attname)
            FROM pg_catalog.pg_attribute AS b
            WHERE one.kind = 'table'
                AND b.attrelid = pg_catalog.to_regclass(place)
                AND b.attnum > 0
                AND NOT b.attisdropped
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = target
                        AND a.attname = b.attname
                        AND NOT a.attisdropped
                )
            ORDER BY b.attnum
        LOOP
            INSERT INTO pgmigrate.quarantines (run_id, at, kind, table_name, column_name, key_columns)
            VALUES (one.run_id, one.at, 'column', one.table_name, more, one.key_columns)
            RETURNING 'pgmigrate.quarantine_' || id INTO waiting;
            EXECUTE pg_catalog.format(
                'CREATE TABLE %s AS SELECT %s FROM %s',
                waiting, pg_catalog.array_to_string(one.key_columns || more, ', '), place
            );
            later := later || waiting;
        END LOOP;

        lefts := '[]';
        BEGIN
            EXECUTE pg_catalog.format(statement, '');
            GET DIAGNOSTICS put = ROW_COUNT;
        EXCEPTION
            WHEN integrity_constraint_violation OR raise_exception THEN
                -- Some of them do not fit any more: one by one, as long as any does.
                put := 0;
                LOOP
                    lefts := '[]';
                    turn := 0;
                    FOR row_place IN EXECUTE pg_catalog.format('SELECT q.ctid FROM %s AS q', place) LOOP
                        BEGIN
                            EXECUTE pg_catalog.format(statement, pg_catalog.format(' AND q.ctid = %L', row_place));
                            GET DIAGNOSTICS remaining = ROW_COUNT;
                            turn := turn + remaining;
                        EXCEPTION
                            WHEN integrity_constraint_violation OR raise_exception THEN
                                IF pg_catalog.jsonb_array_length(lefts) < 20 THEN
                                    EXECUTE pg_catalog.format(
                                        'SELECT $1 || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array('
                                        'pg_catalog.left(%s, 200), $2)) FROM %s AS q WHERE q.ctid = $3',
                                        keys, place
                                    )
                                    INTO lefts
                                    USING lefts, SQLERRM, row_place;
                                END IF;
                        END;
                    END LOOP;
                    put := put + turn;
                    EXIT WHEN turn = 0;
                END LOOP;
        END;

        FOREACH more IN ARRAY later LOOP
            -- Of a row that stays in the quarantine all stays there.
            EXECUTE pg_catalog.format('DELETE FROM %s AS t USING %s AS q WHERE %s', more, place, same_key);
            EXECUTE pg_catalog.format('SELECT count(*) FROM %s', more) INTO turn;
            UPDATE pgmigrate.quarantines AS q SET row_count = turn WHERE 'pgmigrate.quarantine_' || q.id = more;
        END LOOP;

        EXECUTE pg_catalog.format('SELECT count(*) FROM %s', place) INTO remaining;
        IF remaining > 0 AND lefts = '[]' THEN
            EXECUTE pg_catalog.format(
                'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(l.key, %L))'
                ' FROM (SELECT pg_catalog.left(%s, 200) AS key FROM %s AS q ORDER BY 1 LIMIT 20) AS l',
                reason, keys, place
            )
            INTO lefts;
        END IF;
        UPDATE pgmigrate.quarantines AS q
        SET
            restored_at = pg_catalog.clock_timestamp(),
            row_count = remaining
        WHERE q.id = one.id;
        IF remaining = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE %s', place);
        END IF;
        told := told || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
            'object', one.table_name || COALESCE('.' || one.column_name, ''), 'put', put, 'left', remaining, 'rows', lefts
        ));
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.put_back', told::text, true);
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.put_back') AS put_back \gset
