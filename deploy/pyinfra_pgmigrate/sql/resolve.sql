-- Renames the rows that conflicting.sql found, or moves them into the quarantine with everything that hangs
-- on them through foreign keys. Variables: on_conflict (rename or quarantine), run_id.
SELECT
    pg_catalog.set_config('pgmigrate.on_conflict', :'on_conflict', true),
    pg_catalog.set_config('pgmigrate.run_id', :'run_id', true);
DO $$
DECLARE
    one record;
    hanging record;
    place bigint;
    moved bigint;
    keys text;
    list text;
    sets text;
    depth integer;
    run_id uuid := pg_catalog.current_setting('pgmigrate.run_id')::uuid;
BEGIN
    IF pg_catalog.current_setting('pgmigrate.on_conflict') = 'rename' THEN
        FOR one IN
            SELECT
                n.place,
                n.name_column,
                n.keys,
                h.relation::regclass AS relation,
                r.value AS rule
            FROM pgmigrate_naming AS n
            JOIN pgmigrate_hanging AS h ON h.place = n.place AND h.depth = 0
            JOIN pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.rules')::jsonb)
                WITH ORDINALITY AS r (value, place) ON r.place = n.place
            ORDER BY n.place
        LOOP
            SELECT pg_catalog.string_agg(pg_catalog.format('t.%I', k.name), ', ' ORDER BY k.place)
            INTO keys
            FROM pg_catalog.unnest(one.keys) WITH ORDINALITY AS k (name, place);

            INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns, rules)
            VALUES (
                run_id, 'name', one.relation::text, pg_catalog.quote_ident(one.name_column),
                ARRAY(SELECT pg_catalog.quote_ident(k.name) FROM pg_catalog.unnest(one.keys) AS k (name)),
                pg_catalog.jsonb_build_array(one.rule)
            )
            RETURNING id INTO place;
            EXECUTE pg_catalog.format(
                'CREATE TABLE pgmigrate.%I AS SELECT %s, t.%I, r.new_name AS pgmigrate_given'
                ' FROM %s AS t JOIN pgmigrate_rows AS r ON r.tab = t.tableoid AND r.tid = t.ctid'
                ' WHERE r.place = %s AND NOT r.is_default',
                'quarantine_' || place, keys, one.name_column, one.relation, one.place
            );
            EXECUTE pg_catalog.format(
                'UPDATE %s AS t SET %I = r.new_name FROM pgmigrate_rows AS r'
                ' WHERE r.tab = t.tableoid AND r.tid = t.ctid AND r.place = %s AND NOT r.is_default',
                one.relation, one.name_column, one.place
            );
            GET DIAGNOSTICS moved = ROW_COUNT;
            UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        END LOOP;
        RETURN;
    END IF;

    CREATE TEMPORARY TABLE pgmigrate_moved (
        tab oid NOT NULL,
        tid tid NOT NULL,
        relation oid NOT NULL,
        PRIMARY KEY (tab, tid)
    ) ON COMMIT DROP;
    INSERT INTO pgmigrate_moved
    SELECT DISTINCT r.tab, r.tid, h.relation
    FROM pgmigrate_rows AS r
    JOIN pgmigrate_hanging AS h ON h.place = r.place AND h.depth = 0
    WHERE NOT r.is_default;
    -- What points at a moved row moves too, until nothing more does.
    LOOP
        moved := 0;
        FOR one IN
            SELECT
                k.conrelid::regclass AS child,
                k.confrelid::regclass AS parent,
                pg_catalog.string_agg(pg_catalog.format('t.%I = p.%I', a.attname, b.attname), ' AND ') AS condition
            FROM pg_catalog.pg_constraint AS k
            CROSS JOIN LATERAL ROWS FROM (
                pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)
            ) AS c (own, other)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.own
            JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = c.other
            WHERE k.contype = 'f'
                AND k.conparentid = 0
                AND k.confdeltype IN ('a', 'r', 'c')
                AND k.confrelid IN (SELECT m.relation FROM pgmigrate_moved AS m)
            GROUP BY k.oid, k.conrelid, k.confrelid
        LOOP
            EXECUTE pg_catalog.format(
                'INSERT INTO pgmigrate_moved SELECT t.tableoid, t.ctid, %L::oid FROM %s AS t JOIN %s AS p ON %s'
                ' JOIN pgmigrate_moved AS m ON m.tab = p.tableoid AND m.tid = p.ctid ON CONFLICT DO NOTHING',
                one.child::oid, one.child, one.parent, one.condition
            );
            GET DIAGNOSTICS place = ROW_COUNT;
            moved := moved + place;
        END LOOP;
        EXIT WHEN moved = 0;
    END LOOP;

    -- What only points there and may point nowhere stays, and what it pointed at is kept.
    FOR one IN
        SELECT
            k.conrelid::regclass AS child,
            k.confrelid::regclass AS parent,
            pg_catalog.string_agg(pg_catalog.format('t.%I = p.%I', a.attname, b.attname), ' AND ') AS condition,
            pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) AS own,
            i.keys
        FROM pg_catalog.pg_constraint AS k
        CROSS JOIN LATERAL ROWS FROM (
            pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)
        ) AS c (own, other)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.own
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = c.other
        CROSS JOIN LATERAL (
            SELECT COALESCE(pg_catalog.array_agg(pg_catalog.quote_ident(e.attname)), '{}') AS keys
            FROM pg_catalog.pg_index AS x
            JOIN pg_catalog.pg_attribute AS e ON e.attrelid = x.indrelid AND e.attnum = ANY (x.indkey)
            WHERE x.indrelid = k.conrelid
                AND x.indisprimary
        ) AS i
        WHERE k.contype = 'f'
            AND k.conparentid = 0
            AND k.confdeltype IN ('n', 'd')
            AND k.confrelid IN (SELECT m.relation FROM pgmigrate_moved AS m)
        GROUP BY k.oid, k.conrelid, k.confrelid, i.keys
    LOOP
        IF one.keys = '{}' THEN
            RAISE EXCEPTION 'table % has no primary key: what its rows point at cannot be kept', one.child;
        END IF;
        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns, rules)
        SELECT
            run_id, 'reference', one.child::text, pg_catalog.array_to_string(one.own, ', '), one.keys,
            pg_catalog.current_setting('pgmigrate.rules')::jsonb
        RETURNING id INTO place;
        SELECT pg_catalog.string_agg('t.' || k.name, ', ')
        INTO list
        FROM pg_catalog.unnest(one.keys || one.own) AS k (name);
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT %s FROM %s AS t JOIN %s AS p ON %s'
            ' JOIN pgmigrate_moved AS m ON m.tab = p.tableoid AND m.tid = p.ctid'
            ' WHERE NOT EXISTS (SELECT 1 FROM pgmigrate_moved AS o WHERE o.tab = t.tableoid AND o.tid = t.ctid)',
            'quarantine_' || place, list, one.child, one.parent, one.condition
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        IF moved = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || place);
            DELETE FROM pgmigrate.quarantines AS q WHERE q.id = place;
        END IF;
    END LOOP;

    -- Children first, so that nothing cascades; put back in the opposite order.
    WHILE EXISTS (SELECT 1 FROM pgmigrate_moved) LOOP
        SELECT
            m.relation::regclass AS relation,
            ARRAY(
                SELECT pg_catalog.quote_ident(a.attname)
                FROM pg_catalog.pg_index AS x
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
                WHERE x.indrelid = m.relation
                    AND x.indisprimary
            ) AS keys
        INTO one
        FROM pgmigrate_moved AS m
        WHERE NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_constraint AS k
            WHERE k.contype = 'f'
                AND k.confrelid = m.relation
                AND k.conrelid <> m.relation
                AND k.confdeltype IN ('a', 'r', 'c')
                AND k.conrelid IN (SELECT o.relation FROM pgmigrate_moved AS o)
        )
        ORDER BY
            -- Those to which nothing points any more go first: emptying what points would move rows about.
            EXISTS (
                SELECT 1
                FROM pg_catalog.pg_constraint AS k
                WHERE k.contype = 'f'
                    AND k.confrelid = m.relation
                    AND k.conrelid <> m.relation
                    AND k.conrelid IN (SELECT o.relation FROM pgmigrate_moved AS o)
            ),
            m.relation
        LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'tables point at each other in a circle: %', (
                SELECT pg_catalog.string_agg(DISTINCT m.relation::regclass::text, ', ') FROM pgmigrate_moved AS m
            );
        END IF;
        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, key_columns, rules)
        VALUES (
            run_id, 'row', one.relation::text, one.keys, pg_catalog.current_setting('pgmigrate.rules')::jsonb
        )
        RETURNING id INTO place;
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT t.* FROM %s AS t'
            ' JOIN pgmigrate_moved AS m ON m.tab = t.tableoid AND m.tid = t.ctid',
            'quarantine_' || place, one.relation
        );
        EXECUTE pg_catalog.format(
            'DELETE FROM %s AS t USING pgmigrate_moved AS m WHERE m.tab = t.tableoid AND m.tid = t.ctid', one.relation
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        DELETE FROM pgmigrate_moved AS m WHERE m.relation = one.relation;
    END LOOP;
END;
$$;
