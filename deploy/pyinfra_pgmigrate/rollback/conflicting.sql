-- Finds the rows that break unique rules which are to come back, in a transaction that somebody else began:
-- all of them in pg_temp.pgmigrate_rows, with the name that each would get, and what depends on them in
-- pg_temp.pgmigrate_hanging. A row is a default row when the columns that go have their defaults.
-- Variables: rules (JSON: [{table, columns, nulls_distinct, predicate}, ...]), columns (JSON: [[table,
-- column], ...], those that go).
CREATE TEMPORARY TABLE pg_temp.pgmigrate_rows (
    place integer NOT NULL,
    tab oid NOT NULL,
    tid tid NOT NULL,
    keys text[] NOT NULL,
    says text NOT NULL,
    is_default boolean NOT NULL,
    old_name text,
    new_name text,
    number integer NOT NULL DEFAULT 1,
    suffix text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE pg_temp.pgmigrate_naming (place integer, name_column name, keys name[]) ON COMMIT DROP;
CREATE TEMPORARY TABLE pg_temp.pgmigrate_hanging (place integer, relation oid, depth integer) ON COMMIT DROP;
SELECT
    pg_catalog.set_config('pgmigrate.rules', :'rules', true),
    pg_catalog.set_config('pgmigrate.columns', :'columns', true);
DO $$
DECLARE
    one record;
    target regclass;
    name_column name;
    longest integer;
    is_default text;
    says text;
    list text;
    compared text;
    filter text;
    statement text;
    many bigint;
BEGIN
    FOR one IN
        SELECT
            r.place,
            r.value AS rule,
            ARRAY(SELECT pg_catalog.jsonb_array_elements_text(r.value -> 'columns'))::name[] AS columns
        FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.rules')::jsonb)
            WITH ORDINALITY AS r (value, place)
    LOOP
        target := pg_catalog.to_regclass(pg_catalog.regexp_replace(
            one.rule ->> 'table', pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
        ));
        CONTINUE WHEN target IS NULL;
        -- A column that has another name until then, or is not there: nothing can be asked of it.
        CONTINUE WHEN EXISTS (
            SELECT 1
            FROM pg_catalog.unnest(one.columns) AS c (name)
            WHERE NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = target
                    AND a.attname = c.name
                    AND NOT a.attisdropped
            )
        );

        SELECT
            pg_catalog.string_agg(pg_catalog.format('t.%I', c.name), ', '),
            -- In the text form of its type, not by a cast that somebody made.
            pg_catalog.string_agg(pg_catalog.format(
                'CASE WHEN t.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$I) END', c.name
            ), ', ' ORDER BY c.place)
        INTO list, compared
        FROM pg_catalog.unnest(one.columns) WITH ORDINALITY AS c (name, place);

        -- Nulls are all different, unless the rule says otherwise.
        filter := 'true';
        IF (one.rule ->> 'nulls_distinct')::boolean THEN
            SELECT pg_catalog.string_agg(pg_catalog.format('t.%I IS NOT NULL', c.name), ' AND ')
            INTO filter
            FROM pg_catalog.unnest(one.columns) AS c (name);
        END IF;
        IF one.rule ->> 'predicate' <> '' THEN
            filter := filter || ' AND ' || (one.rule ->> 'predicate');
        END IF;

        SELECT
            COALESCE(pg_catalog.string_agg(
                CASE
                    WHEN d.adbin IS NULL THEN pg_catalog.format('t.%I IS NULL', a.attname)
                    WHEN e.text ~ '^(''([^'']|'''')*''(::[a-z ]+)?|-?[0-9.]+|true|false)$'
                        -- By its text: not every type has an operator for that.
                        THEN pg_catalog.format(
                            't.%1$I IS DISTINCT FROM NULL'
                            ' AND pg_catalog.format(''%%s'', t.%1$I) OPERATOR(pg_catalog.=) pg_catalog.format(''%%s'', %2$s)',
                            a.attname, e.text
                        )
                    ELSE 'true'
                END,
                ' AND '
            ), 'true'),
            COALESCE('pg_catalog.concat_ws('', '', ' || pg_catalog.string_agg(
                pg_catalog.format(
                    'CASE WHEN t.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$I) ELSE ''none'' END',
                    a.attname
                ),
                ', ' ORDER BY a.attnum
            ) || ')', '''''')
        INTO is_default, says
        FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.columns')::jsonb) AS c
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = target AND pg_catalog.quote_ident(a.attname) = c.value ->> 1
        LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS text) AS e
        WHERE pg_catalog.to_regclass(pg_catalog.regexp_replace(
            c.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
        )) = target;

        -- The name is the last text of the rule that is neither a key nor points at another table.
        name_column := NULL;
        SELECT
            a.attname,
            CASE WHEN y.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4
                WHEN y.typname = 'name' THEN 63 END
        INTO name_column, longest
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
        WHERE a.attrelid = target
            AND a.attname = ANY (one.columns)
            AND y.typcategory = 'S'
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_constraint AS k
                WHERE k.conrelid = target
                    AND k.contype IN ('p', 'f')
                    AND a.attnum = ANY (k.conkey)
            )
        ORDER BY a.attnum DESC
        LIMIT 1;

        INSERT INTO pg_temp.pgmigrate_naming
        SELECT
            one.place,
            name_column,
            ARRAY(
                SELECT a.attname
                FROM pg_catalog.pg_index AS i
                CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                WHERE i.indrelid = target
                    AND i.indisprimary
                ORDER BY k.place
            );

        statement := pg_catalog.format(
            'INSERT INTO pg_temp.pgmigrate_rows (place, tab, tid, keys, says, is_default, old_name)'
            ' SELECT %s, g.tab, g.tid, g.keys, g.says, g.is_default, g.old_name FROM ('
            'SELECT t.tableoid AS tab, t.ctid AS tid, ARRAY[%s] AS keys, %s AS says, %s AS is_default, %s AS old_name,'
            ' pg_catalog.count(*) OVER (PARTITION BY %s) AS many FROM %s%s AS t WHERE %s) AS g'
            ' WHERE g.many OPERATOR(pg_catalog.>) 1',
            one.place,
            compared,
            says,
            is_default,
            CASE WHEN name_column IS NULL THEN 'NULL' ELSE pg_catalog.format('CASE WHEN t.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$I) END', name_column) END,
            list,
            -- An index of a table says nothing of its children; one of a partitioned table is of all partitions.
            (
                SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END
                FROM pg_catalog.pg_class AS c
                WHERE c.oid = target
            ),
            target,
            filter
        );
        -- Which rows the rule is for is an expression of the application, as seen from its schema.
        IF one.rule ->> 'predicate' <> '' THEN
            PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.schema_path'), true);
        END IF;
        EXECUTE statement;
        GET DIAGNOSTICS many = ROW_COUNT;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        CONTINUE WHEN many = 0;

        WITH RECURSIVE hanging AS (
            SELECT target::oid AS relation, 0 AS depth

            UNION
            SELECT c.relation, h.depth + 1
            FROM hanging AS h
            JOIN pg_catalog.pg_constraint AS k
                ON k.confrelid = h.relation
                OR k.confrelid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(h.relation) AS t)
            CROSS JOIN LATERAL (
                SELECT COALESCE(pg_catalog.pg_partition_root(k.conrelid), k.conrelid)::oid AS relation
            ) AS c
            WHERE k.contype = 'f'
                AND k.conparentid = 0
                AND c.relation NOT IN (target, h.relation)
                AND h.depth < 20
        )
        INSERT INTO pg_temp.pgmigrate_hanging
        SELECT one.place, h.relation, max(h.depth)
        FROM hanging AS h
        GROUP BY h.relation;

        IF name_column IS NOT NULL THEN
            -- A name that says the variant; with a number where that is taken.
            LOOP
                UPDATE pg_temp.pgmigrate_rows AS r
                SET suffix = ' (' || r.says || CASE WHEN r.number > 1 THEN ' ' || r.number ELSE '' END || ')'
                WHERE r.place = one.place
                    AND NOT r.is_default;
                UPDATE pg_temp.pgmigrate_rows AS r
                SET new_name = pg_catalog.left(
                    r.old_name, GREATEST(COALESCE(longest, 1000000) - pg_catalog.length(r.suffix), 0)
                ) || r.suffix
                WHERE r.place = one.place
                    AND NOT r.is_default;
                EXECUTE pg_catalog.format(
                    'UPDATE pg_temp.pgmigrate_rows AS r SET number = r.number + 1 FROM ('
                    'SELECT n.tab, n.tid FROM (SELECT m.*, row_number() OVER (PARTITION BY %2$s ORDER BY m.tab, m.tid)'
                    ' AS turn FROM pg_temp.pgmigrate_rows AS m WHERE m.place = %1$s AND NOT m.is_default) AS n'
                    ' WHERE n.turn > 1 OR EXISTS (SELECT 1 FROM %3$s AS t WHERE ARRAY[%4$s] = %2$s)'
                    ') AS taken WHERE r.place = %1$s AND r.tab = taken.tab AND r.tid = taken.tid',
                    one.place,
                    (
                        -- The keys of a row as they would be under its new name.
                        SELECT 'ARRAY[' || pg_catalog.string_agg(
                            CASE WHEN c.name = name_column THEN 'new_name'
                                ELSE pg_catalog.format('keys[%s]', c.place) END,
                            ', ' ORDER BY c.place
                        ) || ']'
                        FROM pg_catalog.unnest(one.columns) WITH ORDINALITY AS c (name, place)
                    ),
                    target,
                    compared
                );
                GET DIAGNOSTICS many = ROW_COUNT;
                EXIT WHEN many = 0;
            END LOOP;
        END IF;
    END LOOP;
END;
$$;
