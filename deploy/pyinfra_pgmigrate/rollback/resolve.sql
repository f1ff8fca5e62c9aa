-- Renames the rows that conflicting.sql found, or moves them into the quarantine with all rows that reference
-- them, directly or not, whatever the foreign key does on delete. Variables: on_conflict (rename or quarantine),
-- keeps (JSON: [[table, column], ...]: references whose rows stay and point nowhere), run_id.
SELECT
    pg_catalog.set_config('pgmigrate.on_conflict', :'on_conflict', true),
    pg_catalog.set_config('pgmigrate.keeps', :'keeps', true),
    pg_catalog.set_config('pgmigrate.run_id', :'run_id', true);
DO $$
DECLARE
    one record;
    place bigint;
    moved bigint;
    keys text;
    parts text[];
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
            FROM pg_temp.pgmigrate_naming AS n
            JOIN pg_temp.pgmigrate_hanging AS h ON h.place = n.place AND h.depth = 0
            JOIN pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.rules')::jsonb)
                WITH ORDINALITY AS r (value, place) ON r.place = n.place
            ORDER BY n.place
        LOOP
            SELECT pg_catalog.string_agg(pg_catalog.format('t.%I', k.name), ', ' ORDER BY k.place)
            INTO keys
            FROM pg_catalog.unnest(one.keys) WITH ORDINALITY AS k (name, place);

            INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns, rules)
            VALUES (
                run_id, 'name', pg_catalog.regexp_replace(one.relation::text, pg_catalog.current_setting('pgmigrate.in_schema'), ''), pg_catalog.quote_ident(one.name_column),
                ARRAY(SELECT pg_catalog.quote_ident(k.name) FROM pg_catalog.unnest(one.keys) AS k (name)),
                pg_catalog.jsonb_build_array(one.rule)
            )
            RETURNING id INTO place;
            EXECUTE pg_catalog.format(
                'CREATE TABLE pgmigrate.%I AS SELECT %s, t.%I, r.new_name AS pgmigrate_given'
                ' FROM %s AS t JOIN pg_temp.pgmigrate_rows AS r ON r.tab = t.tableoid AND r.tid = t.ctid'
                ' WHERE r.place = %s AND NOT r.is_default',
                'quarantine_' || place, keys, one.name_column, one.relation, one.place
            );
            EXECUTE pg_catalog.format(
                'UPDATE %s AS t SET %I = r.new_name FROM pg_temp.pgmigrate_rows AS r'
                ' WHERE r.tab = t.tableoid AND r.tid = t.ctid AND r.place = %s AND NOT r.is_default',
                one.relation, one.name_column, one.place
            );
            GET DIAGNOSTICS moved = ROW_COUNT;
            UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        END LOOP;
        RETURN;
    END IF;

    CREATE TEMPORARY TABLE pg_temp.pgmigrate_moved (
        tab oid NOT NULL,
        tid tid NOT NULL,
        relation oid NOT NULL,
        PRIMARY KEY (tab, tid)
    ) ON COMMIT DROP;
    INSERT INTO pg_temp.pgmigrate_moved
    SELECT DISTINCT r.tab, r.tid, h.relation
    FROM pg_temp.pgmigrate_rows AS r
    JOIN pg_temp.pgmigrate_hanging AS h ON h.place = r.place AND h.depth = 0
    WHERE NOT r.is_default;

    -- The references that matter, as conditions.
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_references ON COMMIT DROP AS
    SELECT
        k.oid AS reference,
        k.conrelid::regclass AS child,
        k.confrelid::regclass AS parent,
        COALESCE(pg_catalog.pg_partition_root(k.conrelid), k.conrelid)::oid AS relation,
        k.confdeltype IN ('n', 'd') AS can_stay,
        pg_catalog.format(CASE r.relkind WHEN 'p' THEN '%s' ELSE 'ONLY %s' END, k.conrelid::regclass) AS child_source,
        pg_catalog.format(CASE f.relkind WHEN 'p' THEN '%s' ELSE 'ONLY %s' END, k.confrelid::regclass) AS parent_source,
        c.condition,
        c.own,
        EXISTS (
            SELECT 1
            FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.keeps')::jsonb) AS n
            WHERE pg_catalog.to_regclass(pg_catalog.regexp_replace(
                n.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
            )) = k.conrelid
                AND n.value ->> 1 = ANY (c.own)
        ) AS stays
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS r ON r.oid = k.conrelid
    JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.string_agg(pg_catalog.format('t.%I = p.%I', a.attname, b.attname), ' AND ') AS condition,
            pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) AS own
        FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS c (own, other)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.own
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = c.other
    ) AS c
    WHERE k.contype = 'f'
        AND k.conparentid = 0;
    FOR one IN
        SELECT n.value ->> 0 AS of_table, n.value ->> 1 AS of_column, r.reference, r.can_stay
        FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.keeps')::jsonb) AS n
        LEFT JOIN pg_temp.pgmigrate_references AS r
            ON r.child = pg_catalog.to_regclass(pg_catalog.regexp_replace(
                n.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
            )) AND n.value ->> 1 = ANY (r.own)
        WHERE r.can_stay IS DISTINCT FROM true
    LOOP
        RAISE EXCEPTION '"keeps" names %.%, which is %', one.of_table, one.of_column, CASE
            WHEN one.reference IS NULL THEN 'no reference'
            ELSE 'neither ON DELETE SET NULL nor SET DEFAULT'
        END;
    END LOOP;

    -- What points at a moved row moves too, until nothing more does.
    LOOP
        moved := 0;
        FOR one IN
            SELECT r.*
            FROM pg_temp.pgmigrate_references AS r
            WHERE NOT r.stays
                AND r.parent IN (
                    SELECT m.tab
                    FROM pg_temp.pgmigrate_moved AS m

                    UNION
                    SELECT a.relid
                    FROM (SELECT DISTINCT m.tab FROM pg_temp.pgmigrate_moved AS m) AS m
                    CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(m.tab) AS a (relid)
                )
        LOOP
            EXECUTE pg_catalog.format(
                'INSERT INTO pg_temp.pgmigrate_moved SELECT t.tableoid, t.ctid, %s FROM %s AS t JOIN %s AS p ON %s'
                ' JOIN pg_temp.pgmigrate_moved AS m ON m.tab = p.tableoid AND m.tid = p.ctid ON CONFLICT DO NOTHING',
                one.relation, one.child_source, one.parent_source, one.condition
            );
            GET DIAGNOSTICS place = ROW_COUNT;
            moved := moved + place;
        END LOOP;
        EXIT WHEN moved = 0;
    END LOOP;

    -- What stays and will point nowhere: what it pointed at is kept.
    FOR one IN
        SELECT
            r.*,
            ARRAY(
                SELECT pg_catalog.quote_ident(e.attname)
                FROM pg_catalog.pg_index AS x
                JOIN pg_catalog.pg_attribute AS e ON e.attrelid = x.indrelid AND e.attnum = ANY (x.indkey)
                WHERE x.indrelid = r.child
                    AND x.indisprimary
            ) AS keys
        FROM pg_temp.pgmigrate_references AS r
        WHERE r.stays
    LOOP
        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns, rules)
        SELECT
            run_id, 'reference', pg_catalog.regexp_replace(one.child::text, pg_catalog.current_setting('pgmigrate.in_schema'), ''), pg_catalog.array_to_string(one.own, ', '), one.keys,
            pg_catalog.current_setting('pgmigrate.rules')::jsonb
        RETURNING id INTO place;
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT %s FROM %s AS t JOIN %s AS p ON %s'
            ' JOIN pg_temp.pgmigrate_moved AS m ON m.tab = p.tableoid AND m.tid = p.ctid'
            ' WHERE NOT EXISTS (SELECT 1 FROM pg_temp.pgmigrate_moved AS o WHERE o.tab = t.tableoid AND o.tid = t.ctid)',
            'quarantine_' || place,
            (SELECT pg_catalog.string_agg('t.' || k.name, ', ') FROM pg_catalog.unnest(one.keys || one.own) AS k (name)),
            one.child_source, one.parent_source, one.condition
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        IF moved = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || place);
            DELETE FROM pgmigrate.quarantines AS q WHERE q.id = place;
        ELSIF one.keys = '{}' THEN
            RAISE EXCEPTION 'table % has no primary key: what its rows point at cannot be kept', one.child;
        END IF;
    END LOOP;

    -- Children first: put back in the opposite order. Values of types that may go as text, as in keep.sql.
    FOR one IN
        SELECT
            m.relation::regclass AS relation,
            pg_catalog.format(CASE c.relkind WHEN 'p' THEN '%s' ELSE 'ONLY %s' END, m.relation::regclass) AS source,
            ARRAY(
                SELECT pg_catalog.quote_ident(a.attname)
                FROM pg_catalog.pg_index AS x
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
                WHERE x.indrelid = m.relation
                    AND x.indisprimary
            ) AS keys,
            (
                SELECT pg_catalog.string_agg(
                    CASE
                        WHEN y.typnamespace <> 'pg_catalog'::regnamespace THEN pg_catalog.format(
                            'CASE WHEN t.%1$I IS DISTINCT FROM NULL'
                            ' THEN pg_catalog.format(''%%s'', t.%1$I) COLLATE pg_catalog."default" END AS %1$I', a.attname
                        )
                        WHEN l.oid IS NOT NULL THEN pg_catalog.format(
                            't.%1$I COLLATE pg_catalog."default" AS %1$I', a.attname
                        )
                        ELSE pg_catalog.format('t.%I', a.attname)
                    END,
                    ', ' ORDER BY a.attnum
                )
                FROM pg_catalog.pg_attribute AS a
                JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                LEFT JOIN pg_catalog.pg_collation AS l
                    ON l.oid = a.attcollation AND l.collnamespace <> 'pg_catalog'::regnamespace
                WHERE a.attrelid = m.relation
                    AND a.attnum > 0
                    AND NOT a.attisdropped
                    AND a.attgenerated <> 'v'
            ) AS list
        FROM (SELECT DISTINCT o.relation FROM pg_temp.pgmigrate_moved AS o) AS m
        JOIN pg_catalog.pg_class AS c ON c.oid = m.relation
        LEFT JOIN LATERAL (
            SELECT max(g.depth) AS depth
            FROM pg_temp.pgmigrate_hanging AS g
            WHERE g.relation = m.relation
        ) AS h ON true
        ORDER BY h.depth DESC NULLS FIRST, m.relation
    LOOP
        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, key_columns, rules)
        VALUES (
            run_id, 'row', pg_catalog.regexp_replace(one.relation::text, pg_catalog.current_setting('pgmigrate.in_schema'), ''), one.keys, pg_catalog.current_setting('pgmigrate.rules')::jsonb
        )
        RETURNING id INTO place;
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT %s FROM %s AS t'
            ' JOIN pg_temp.pgmigrate_moved AS m ON m.tab = t.tableoid AND m.tid = t.ctid',
            'quarantine_' || place, one.list, one.source
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = moved WHERE q.id = place;
        parts := parts || pg_catalog.format(
            'gone_%s AS (DELETE FROM %s AS t USING pg_temp.pgmigrate_moved AS m WHERE m.tab = t.tableoid AND m.tid = t.ctid)',
            place, one.source
        );
    END LOOP;
    IF parts IS NOT NULL THEN
        -- In one statement: tables may point at each other in a circle, and nothing cascades to what has gone.
        EXECUTE 'WITH ' || pg_catalog.array_to_string(parts, ', ') || ' SELECT';
    END IF;
END;
$$;
