-- Copies what is about to be dropped into the registry schema, in the transaction that drops it. Values of types,
-- or with collations, that are not PostgreSQL's own are kept as text: the type may go, too. keep_after.sql has the
-- end of it.
-- Variables: tables (JSON: [name, ...]), columns (JSON: [[table, column, whether a migration may have set values
-- that are not its default, how the way forward gives it its type back where it only gets another: plain (by the cast
-- alone), other or null, whether it tells rows apart all the same], ...]), sequences (JSON: null for all, or [[sequence or table, null or column of which it
-- is, whether it is kept though it stays], ...]), kept_by (run of the rollback).
SELECT
    pg_catalog.set_config('pgmigrate.sequences', :'sequences', true),
    pg_catalog.set_config('pgmigrate.tables', :'tables', true),
    pg_catalog.set_config('pgmigrate.columns', :'columns', true),
    pg_catalog.set_config('pgmigrate.kept_by', :'kept_by', true);
DO $$
DECLARE
    one record;
    keys text[];
    list text;
    source text;
    filter text;
    place bigint;
    kept bigint;
BEGIN
    -- What each of them is, so that keep_after.sql knows what only has another name in the end.
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_kept (
        id bigint, relation oid, attnum smallint, way_back text
    ) ON COMMIT DROP;
    -- Tables that are there now, with the columns of which it matters.
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_there ON COMMIT DROP AS
    SELECT
        c.oid AS relation,
        pg_catalog.format('%s', c.oid::regclass) AS name,
        CASE WHEN c.relispartition THEN ARRAY(SELECT a.relid::oid FROM pg_catalog.pg_partition_ancestors(c.oid) AS a)
            ELSE ARRAY[c.oid] END AS homes,
        -- The last of its columns, dropped ones among them.
        c.relnatts AS columns,
        ARRAY(
            SELECT a.attnum
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid
                AND a.attnum > 0
                AND (a.attgenerated <> '' OR a.attisdropped)
        ) AS empty
    FROM pg_catalog.pg_class AS c
    WHERE c.relkind IN ('r', 'p')
        AND c.relpersistence <> 't'
        AND c.relnamespace NOT IN (
            'pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pgmigrate'::regnamespace
        )
        -- What an extension made goes with it.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass
                AND d.objid = c.oid
                AND d.deptype = 'e'
        );
    -- The columns of what is kept as a whole: some may go where the table stays. Of what is kept of a column that gets
    -- another type all that tell rows apart: they may get another name.
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_columns (relation oid, attnum smallint, name name) ON COMMIT DROP;
    FOR one IN
        WITH RECURSIVE named AS (
            SELECT t.value AS table_name, c.oid AS relation
            FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.tables')::jsonb) AS t
            JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(pg_catalog.regexp_replace(
                t.value, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
            ))
            WHERE c.relkind IN ('r', 'p')
        ),
        -- Tables that point at others first: what was kept last is put back first.
        pointing AS (
            SELECT n.relation AS origin, n.relation, 0 AS depth
            FROM named AS n

            UNION
            SELECT p.origin, k.confrelid, p.depth + 1
            FROM pointing AS p
            JOIN pg_catalog.pg_constraint AS k ON k.conrelid = p.relation
            WHERE k.contype = 'f'
                AND k.confrelid <> k.conrelid
                AND p.depth < LEAST(50, (SELECT count(*) FROM named AS n))
        ),
        -- The rows of a child are not those of its parent; those of a partition are.
        columns AS (
            SELECT
                c.value ->> 0 AS table_name,
                pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    c.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                ))::oid AS relation,
                c.value ->> 1 AS column_name,
                (c.value ->> 2)::boolean AS is_set,
                c.value ->> 3 AS way_back
            FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.columns')::jsonb) AS c

            UNION
            SELECT
                pg_catalog.regexp_replace(
                    k.oid::regclass::text, pg_catalog.current_setting('pgmigrate.in_schema'), ''
                ),
                k.oid,
                c.column_name,
                c.is_set,
                c.way_back
            FROM columns AS c
            JOIN pg_catalog.pg_inherits AS h ON h.inhparent = c.relation
            JOIN pg_catalog.pg_class AS k ON k.oid = h.inhrelid
            WHERE NOT k.relispartition
        )
        SELECT
            n.table_name,
            n.relation,
            NULL::text AS column_name,
            true AS is_set,
            NULL::text AS way_back,
            (SELECT max(p.depth) FROM pointing AS p WHERE p.origin = n.relation) AS depth
        FROM named AS n

        UNION ALL
        SELECT c.table_name, c.relation, c.column_name, pg_catalog.bool_or(c.is_set), min(c.way_back), -1
        FROM columns AS c
        JOIN pg_catalog.pg_class AS r ON r.oid = c.relation
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = c.relation AND pg_catalog.quote_ident(a.attname) = c.column_name AND a.attnum > 0
        WHERE r.relkind IN ('r', 'p')
            AND a.attgenerated = ''
            AND c.relation NOT IN (SELECT n.relation FROM named AS n)
        GROUP BY c.table_name, c.relation, c.column_name
        ORDER BY depth DESC, table_name, column_name
    LOOP
        -- What tells its rows apart: the primary key, or another one; not by what goes.
        SELECT COALESCE((
            SELECT (
                SELECT pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place)
                FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                WHERE k.place <= i.indnkeyatts
            )
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = one.relation
                AND i.indisunique
                AND i.indisvalid
                AND i.indpred IS NULL
                AND 0 <> ALL (i.indkey::int2[])
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                    WHERE k.place <= i.indnkeyatts
                        AND (
                            NOT a.attnotnull
                            OR EXISTS (
                                SELECT 1
                                FROM pg_catalog.jsonb_array_elements(
                                    pg_catalog.current_setting('pgmigrate.columns')::jsonb
                                ) AS c
                                WHERE pg_catalog.to_regclass(pg_catalog.regexp_replace(
                                    c.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                                )) = i.indrelid
                                    AND c.value ->> 1 = pg_catalog.quote_ident(a.attname)
                                    AND (
                                        c.value -> 4 IS DISTINCT FROM 'true'::jsonb
                                        -- None tells its own values apart.
                                        OR c.value ->> 3 IS NOT NULL AND c.value ->> 1 = one.column_name
                                    )
                            )
                        )
                )
            ORDER BY NOT i.indisprimary, i.indnkeyatts, i.indexrelid
            LIMIT 1
        ), '{}')
        INTO keys;

        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns)
        VALUES (
            pg_catalog.current_setting('pgmigrate.kept_by')::uuid,
            CASE WHEN one.column_name IS NULL THEN 'table' ELSE 'column' END,
            one.table_name,
            one.column_name,
            keys
        )
        RETURNING id INTO place;
        INSERT INTO pg_temp.pgmigrate_kept
        SELECT place, one.relation, (
            SELECT a.attnum
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = one.relation
                AND NOT a.attisdropped
                AND pg_catalog.quote_ident(a.attname) = one.column_name
        ), one.way_back;
        INSERT INTO pg_temp.pgmigrate_columns
        SELECT a.attrelid, a.attnum, a.attname
        FROM pg_catalog.pg_attribute AS a
        WHERE (one.column_name IS NULL AND a.attgenerated = '' OR one.way_back IS NOT NULL AND a.attgenerated <> 'v')
            AND a.attrelid = one.relation
            AND a.attnum > 0
            AND NOT a.attisdropped
            AND (a.attrelid, a.attnum) NOT IN (SELECT w.relation, w.attnum FROM pg_temp.pgmigrate_columns AS w);

        -- Of a column: it and the key; where there is none all that there is, so that rows which differ in nothing but
        -- in several columns that go are told apart by those that are back already. Of one that gets another type only what
        -- stays: it is found again before the others.
        SELECT
            COALESCE(pg_catalog.string_agg(
                CASE
                    WHEN y.typnamespace <> 'pg_catalog'::regnamespace THEN pg_catalog.format(
                        'CASE WHEN t.%1$I IS DISTINCT FROM NULL'
                        ' THEN pg_catalog.format(''%%s'', t.%1$I) COLLATE pg_catalog."default" END AS %1$I', a.attname
                    )
                    WHEN l.oid IS NOT NULL THEN pg_catalog.format(
                        't.%1$I COLLATE pg_catalog."default" AS %1$I', a.attname
                    )
                    ELSE 't.' || pg_catalog.quote_ident(a.attname)
                END,
                ', ' ORDER BY a.attnum
            ), ''),
            pg_catalog.format(CASE c.relkind WHEN 'p' THEN '%s AS t' ELSE 'ONLY %s AS t' END, one.relation::regclass)
        INTO list, source
        FROM pg_catalog.pg_class AS c
        LEFT JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = c.oid
            AND a.attnum > 0
            AND NOT a.attisdropped
            AND a.attgenerated <> 'v'
            AND (
                one.column_name IS NULL
                OR pg_catalog.quote_ident(a.attname) = one.column_name
                OR pg_catalog.quote_ident(a.attname) = ANY (keys)
                OR (
                    keys = '{}'
                    AND a.attgenerated = ''
                    AND (one.way_back IS NULL OR NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.jsonb_array_elements(
                            pg_catalog.current_setting('pgmigrate.columns')::jsonb
                        ) AS g
                        WHERE pg_catalog.quote_ident(a.attname) = g.value ->> 1
                            AND NOT (g.value -> 4 IS NOT DISTINCT FROM 'true'::jsonb AND g.value ->> 3 IS NOT NULL)
                            AND pg_catalog.to_regclass(pg_catalog.regexp_replace(
                                g.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                            )) = c.oid
                    ))
                )
            )
        LEFT JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_collation AS l
            ON l.oid = a.attcollation AND l.collnamespace <> 'pg_catalog'::regnamespace
        WHERE c.oid = one.relation
        GROUP BY c.relkind;

        -- Of a partitioned table without the partitions that are kept by themselves: they may go where it stays.
        SELECT COALESCE(pg_catalog.format(
            ' WHERE t.tableoid <> ALL (%L::pg_catalog.oid[])', pg_catalog.array_agg(p.relid::oid)
        ), '')
        INTO filter
        FROM pg_catalog.pg_partition_tree(one.relation) AS p
        WHERE one.column_name IS NULL
            AND p.isleaf
            AND p.relid <> one.relation
            AND EXISTS (
                SELECT 1
                FROM pg_catalog.pg_partition_ancestors(p.relid) AS a (relid)
                JOIN pg_catalog.pg_partition_tree(one.relation) AS b ON b.relid = a.relid AND b.level > 0
                JOIN pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.tables')::jsonb) AS n
                    ON pg_catalog.to_regclass(pg_catalog.regexp_replace(
                        n.value, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                    )) = a.relid
            )
        HAVING count(*) > 0;
        filter := COALESCE(filter, '');
        IF NOT one.is_set THEN
            -- What the default gives anyway need not be kept, where it is a constant.
            SELECT CASE
                -- A domain may have a default of its own.
                WHEN d.adbin IS NULL AND y.typdefault IS NULL THEN pg_catalog.format(' WHERE t.%s IS DISTINCT FROM NULL', one.column_name)
                WHEN e.text ~ '^(''([^'']|'''')*''(::[a-z ]+)?|-?[0-9.]+|true|false)$'
                    THEN pg_catalog.format(
                        ' WHERE (t.%1$s IS DISTINCT FROM NULL) IS DISTINCT FROM true'
                        ' OR pg_catalog.format(''%%s'', t.%1$s) <> pg_catalog.format(''%%s'', %2$s)',
                        one.column_name, e.text
                    )
                ELSE ''
            END
            INTO filter
            FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
            LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS text) AS e
            WHERE a.attrelid = one.relation
                AND pg_catalog.quote_ident(a.attname) = one.column_name;
        END IF;
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT %s FROM %s%s', 'quarantine_' || place, list, source, filter
        );
        GET DIAGNOSTICS kept = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = place;
    END LOOP;

    -- Where sequences are: keep_after.sql takes those out that are still there in the end.
    INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, key_columns)
    VALUES (pg_catalog.current_setting('pgmigrate.kept_by')::uuid, 'sequence', 'sequences', '{name}')
    RETURNING id INTO place;
    INSERT INTO pg_temp.pgmigrate_kept (id)
    VALUES (place);
    EXECUTE pg_catalog.format(
        'CREATE TABLE pgmigrate.%I (place oid NOT NULL, name text NOT NULL, of_table text, of_column text,'
        ' last_value bigint NOT NULL, is_called boolean NOT NULL, is_restarted boolean NOT NULL)',
        'quarantine_' || place
    );
    FOR one IN
        SELECT
            s.seqrelid,
            s.seqrelid::regclass AS name,
            d.refobjid::regclass AS of_table,
            a.attname AS of_column,
            COALESCE(l.is_restarted, false) AS is_restarted
        FROM pg_catalog.pg_sequence AS s
        JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
        LEFT JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_class'::regclass
            AND d.objid = s.seqrelid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjsubid > 0
            AND d.deptype IN ('a', 'i')
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        CROSS JOIN LATERAL (
            SELECT pg_catalog.bool_or((w.value ->> 2)::boolean) AS is_restarted
            FROM pg_catalog.jsonb_array_elements(
                NULLIF(pg_catalog.current_setting('pgmigrate.sequences'), 'null')::jsonb
            ) AS w
            CROSS JOIN LATERAL (
                SELECT pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    w.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                )) AS relation
            ) AS r
            WHERE r.relation = s.seqrelid
                OR r.relation = d.refobjid
                    AND COALESCE(
                        w.value ->> 1 IN (
                            pg_catalog.quote_ident(a.attname), '"' || pg_catalog.replace(a.attname, '"', '""') || '"'
                        ),
                        true
                    )
        ) AS l
        WHERE c.relnamespace <> 'pgmigrate'::regnamespace
            AND c.relpersistence <> 't'
            AND (pg_catalog.current_setting('pgmigrate.sequences') = 'null' OR l.is_restarted IS NOT NULL)
            AND pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')
    LOOP
        EXECUTE pg_catalog.format(
            'INSERT INTO pgmigrate.%I SELECT %s, %L, %L, %L, s.last_value, s.is_called, %L FROM %s AS s',
            'quarantine_' || place, one.seqrelid, one.name, one.of_table, one.of_column, one.is_restarted, one.name
        );
    END LOOP;
END;
$$;
