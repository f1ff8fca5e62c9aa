-- Ends what keep.sql began: takes out of the quarantine what is still there, under whatever name, and leaves where
-- those sequences were that are gone. Of a column that got another type stays what that type does not hold, with what
-- it holds instead (pgmigrate_given); unchanged.sql says later which of that is still there. Variables: emptied (JSON: tables that stay, without the rows that they had).
SELECT pg_catalog.set_config('pgmigrate.emptied', :'emptied', true);
DO $$
DECLARE
    one record;
    more record;
    place bigint;
    kept bigint;
    keys text[];
    given text;
BEGIN
    FOR one IN
        SELECT
            k.id,
            k.relation,
            k.way_back,
            q.column_name,
            q.key_columns,
            -- As it is called now.
            pg_catalog.quote_ident(a.attname) AS new_name,
            a.attname AS now_name,
            b.attname AS old_name,
            CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || c.oid::regclass AS source,
            CASE WHEN c.oid IS DISTINCT FROM pg_catalog.to_regclass(pg_catalog.regexp_replace(
                q.table_name, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
            )) THEN c.oid::regclass::text END AS new_table,
            CASE WHEN y.typnamespace = 'pg_catalog'::regnamespace
                THEN pg_catalog.format_type(a.atttypid, a.atttypmod) END AS new_type,
            CASE WHEN o.typnamespace = 'pg_catalog'::regnamespace
                THEN pg_catalog.format_type(b.atttypid, b.atttypmod) END AS old_type,
            l.list,
            l.new_list,
            l.new_names
        FROM pg_temp.pgmigrate_kept AS k
        JOIN pgmigrate.quarantines AS q ON q.id = k.id
        JOIN pg_catalog.pg_class AS c ON c.oid = k.relation
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.relation AND a.attnum = k.attnum AND NOT a.attisdropped
        JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
        JOIN pg_catalog.pg_attribute AS b
            ON b.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
            AND b.attnum > 0
            AND pg_catalog.quote_ident(b.attname) = q.column_name
        JOIN pg_catalog.pg_type AS o ON o.oid = b.atttypid
        -- What tells the rows apart, in the quarantine and, as it is called now, in the table.
        CROSS JOIN LATERAL (
            SELECT
                pg_catalog.string_agg('t.' || pg_catalog.quote_ident(w.attname), ', ' ORDER BY w.attnum),
                pg_catalog.string_agg('t.' || pg_catalog.quote_ident(n.attname), ', ' ORDER BY w.attnum),
                pg_catalog.json_object_agg(w.attname, n.attname) FILTER (WHERE w.attname <> n.attname)
            FROM pg_catalog.pg_attribute AS w
            JOIN pg_temp.pgmigrate_columns AS m ON m.relation = k.relation AND m.name = w.attname
            JOIN pg_catalog.pg_attribute AS n ON n.attrelid = m.relation AND n.attnum = m.attnum
            WHERE w.attrelid = b.attrelid
                AND w.attnum > 0
                AND w.attnum <> b.attnum
        ) AS l (list, new_list, new_names)
        WHERE k.way_back IS NOT NULL
    LOOP
        EXECUTE pg_catalog.format(
            'ALTER TABLE pgmigrate.%I ADD COLUMN pgmigrate_given %s, ADD COLUMN pgmigrate_is_same boolean',
            'quarantine_' || one.id, COALESCE(one.new_type, 'text')
        );
        given := CASE WHEN one.new_type IS NOT NULL THEN 't.' || one.new_name ELSE pg_catalog.format(
            'CASE WHEN t.%1$s IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$s) END', one.new_name
        ) END;
        -- It, its table and what tells rows apart may have a former name again: unchanged.sql finds them by that one, too.
        IF one.new_table IS NOT NULL THEN
            EXECUTE pg_catalog.format('COMMENT ON TABLE pgmigrate.%I IS %L', 'quarantine_' || one.id, one.new_table);
        END IF;
        FOR more IN
            SELECT p.key AS name, p.value AS new_name
            FROM pg_catalog.json_each_text(COALESCE(one.new_names, '{}')) AS p

            UNION ALL
            SELECT one.old_name, one.now_name
            WHERE one.old_name <> one.now_name
        LOOP
            EXECUTE pg_catalog.format(
                'COMMENT ON COLUMN pgmigrate.%I.%I IS %L', 'quarantine_' || one.id, more.name, more.new_name
            );
        END LOOP;
        -- Rows without a key are told apart by all that stays; among equal ones it is the same which is which.
        EXECUTE pg_catalog.format(
            'UPDATE pgmigrate.%1$I AS q SET pgmigrate_given = n.given FROM ('
            'SELECT t.ctid AS place, pg_catalog.format(''%%s'', ROW(%2$s)) AS key, row_number() OVER ('
            'PARTITION BY pg_catalog.format(''%%s'', ROW(%2$s)) ORDER BY t.ctid) AS turn FROM pgmigrate.%1$I AS t'
            ') AS k JOIN ('
            'SELECT %3$s AS given, pg_catalog.format(''%%s'', ROW(%5$s)) AS key, row_number() OVER ('
            'PARTITION BY pg_catalog.format(''%%s'', ROW(%5$s)) ORDER BY t.tableoid, t.ctid) AS turn FROM %4$s AS t'
            ') AS n ON n.key = k.key AND n.turn = k.turn WHERE q.ctid = k.place',
            'quarantine_' || one.id, COALESCE(one.list, ''), given, one.source, COALESCE(one.new_list, '')
        );
        IF one.way_back = 'plain' AND one.old_type IS NOT NULL AND one.new_type IS NOT NULL THEN
            BEGIN
                EXECUTE pg_catalog.format(
                    'WITH held AS MATERIALIZED (SELECT q.ctid AS place FROM pgmigrate.%1$I AS q'
                    ' WHERE (q.%2$s IS NULL) = (q.pgmigrate_given IS NULL)'
                    ' AND pg_catalog.format(''%%s'', q.%2$s) = pg_catalog.format(''%%s'', q.pgmigrate_given::%3$s))'
                    ' DELETE FROM pgmigrate.%1$I AS q USING held AS h WHERE q.ctid = h.place%4$s',
                    'quarantine_' || one.id, one.column_name, one.old_type,
                    -- Without a key, only where no row needs any.
                    CASE WHEN one.key_columns = '{}' THEN pg_catalog.format(
                        ' AND (SELECT count(*) FROM held AS n) = (SELECT count(*) FROM pgmigrate.%I AS n)',
                        'quarantine_' || one.id
                    ) ELSE '' END
                );
            EXCEPTION
                WHEN cannot_coerce OR data_exception THEN
                    -- All of it stays.
                    NULL;
            END;
        END IF;
        EXECUTE pg_catalog.format('SELECT count(*) FROM pgmigrate.%I', 'quarantine_' || one.id) INTO kept;
        UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = one.id;
        IF kept = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || one.id);
            DELETE FROM pgmigrate.quarantines AS q WHERE q.id = one.id;
        END IF;
    END LOOP;

    FOR one IN
        SELECT k.id, k.relation, k.attnum, q.run_id, q.table_name, q.key_columns
        FROM pg_temp.pgmigrate_kept AS k
        JOIN pgmigrate.quarantines AS q ON q.id = k.id
        JOIN pg_catalog.pg_class AS c ON c.oid = k.relation
        WHERE NOT pg_catalog.current_setting('pgmigrate.emptied')::jsonb ? q.table_name
            AND k.way_back IS NULL
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
