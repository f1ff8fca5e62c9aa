-- Puts back what due.sql found. A row that has been put back leaves the quarantine; one that cannot be stays
-- there, and is told with the reason: its row or its parent is gone since, or another has taken its place.
-- What the migrations of this run have written into a table that they made gives way to what was there before.
DO $$
DECLARE
    one record;
    more record;
    row_place tid;
    statement text;
    condition text;
    counted bigint;
    turn bigint;
    missed jsonb;
    waiting text;
    parts text[];
    filtered text[];
    told jsonb := '[]';
BEGIN
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_due (
        turn bigint PRIMARY KEY,
        id bigint NOT NULL,
        kind text NOT NULL,
        is_complete boolean NOT NULL,
        is_made boolean NOT NULL,
        -- The rows of the quarantine, each with its place, in the types that the table has.
        place text NOT NULL,
        target regclass,
        -- The target, without the rows of its children: those of partitions are its own.
        reach text,
        source text,
        -- Columns of an INSERT; what is set and compared by an UPDATE; columns that are always generated.
        list text NOT NULL DEFAULT '',
        listed text NOT NULL DEFAULT '',
        sets text,
        always text[] NOT NULL DEFAULT '{}',
        keys text[] NOT NULL,
        own text[] NOT NULL DEFAULT '{}',
        told_key text NOT NULL,
        count_before bigint NOT NULL DEFAULT 0,
        lefts jsonb NOT NULL DEFAULT '[]'
    ) ON COMMIT DROP;
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_put (id bigint, place tid, PRIMARY KEY (id, place)) ON COMMIT DROP;
    CREATE TEMPORARY TABLE pg_temp.pgmigrate_drawn (
        name text, last_value bigint, is_called boolean
    ) ON COMMIT DROP;

    INSERT INTO pg_temp.pgmigrate_due (turn, id, kind, is_complete, is_made, place, target, keys, told_key)
    SELECT
        d.turn,
        q.id,
        q.kind,
        (d.value ->> 'is_complete')::boolean,
        (d.value ->> 'is_made')::boolean,
        pg_catalog.format('pgmigrate.%I', 'quarantine_' || q.id),
        CASE WHEN q.kind <> 'sequence' THEN pg_catalog.to_regclass(pg_catalog.regexp_replace(
            q.table_name, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
        )) END,
        q.key_columns,
        COALESCE(
            'pg_catalog.concat_ws('', '', '
            || (SELECT pg_catalog.string_agg('q.' || k.name, ', ') FROM pg_catalog.unnest(q.key_columns) AS k (name))
            || ')',
            'pg_catalog.format(''%s'', q)'
        )
    FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.due')::jsonb)
        WITH ORDINALITY AS d (value, turn)
    JOIN pgmigrate.quarantines AS q ON q.id = (d.value ->> 'id')::bigint;
    UPDATE pg_temp.pgmigrate_due AS d
    SET reach = CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || d.target
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = d.target;

    FOR one IN
        SELECT d.*, q.column_name
        FROM pg_temp.pgmigrate_due AS d
        JOIN pgmigrate.quarantines AS q ON q.id = d.id
        ORDER BY d.turn
    LOOP
        -- Nobody has counted it yet, and a plan that takes it for a small one would never end.
        EXECUTE pg_catalog.format('ANALYZE %s', one.place);
        EXECUTE pg_catalog.format('SELECT count(*) FROM %s', one.place) INTO counted;
        UPDATE pg_temp.pgmigrate_due AS d SET count_before = counted WHERE d.turn = one.turn;
        CONTINUE WHEN one.kind = 'sequence';

        -- What was kept as text becomes what it was by the input function of its type.
        SELECT
            pg_catalog.format(
                '(SELECT q.ctid AS pgmigrate_place%s FROM %s AS q%s)',
                pg_catalog.string_agg(pg_catalog.format(
                    CASE WHEN c.is_text THEN ', x.%I' ELSE ', q.%I' END, c.name
                ), '' ORDER BY c.attnum),
                one.place,
                ' CROSS JOIN LATERAL pg_catalog.jsonb_to_record(pg_catalog.jsonb_object(ARRAY['
                || pg_catalog.string_agg(pg_catalog.quote_literal(c.name), ', ' ORDER BY c.attnum)
                    FILTER (WHERE c.is_text)
                || ']::text[], ARRAY['
                || pg_catalog.string_agg(pg_catalog.format('q.%I', c.name), ', ' ORDER BY c.attnum)
                    FILTER (WHERE c.is_text)
                || ']::text[])) AS x ('
                || pg_catalog.string_agg(pg_catalog.format('%I %s', c.name, c.type), ', ' ORDER BY c.attnum)
                    FILTER (WHERE c.is_text)
                || ')'
            )
        INTO statement
        FROM (
            SELECT
                b.attnum,
                b.attname AS name,
                a.attname IS NOT NULL
                    AND a.atttypid <> b.atttypid
                    AND b.atttypid = 'pg_catalog.text'::regtype AS is_text,
                pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
            FROM pg_catalog.pg_attribute AS b
            LEFT JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = one.target AND a.attname = b.attname AND a.attnum > 0 AND NOT a.attisdropped
            WHERE b.attrelid = pg_catalog.to_regclass(one.place)
                AND b.attnum > 0
                AND NOT b.attisdropped
        ) AS c;
        UPDATE pg_temp.pgmigrate_due AS d
        SET
            source = COALESCE(statement, pg_catalog.format('(SELECT q.ctid AS pgmigrate_place FROM %s AS q)', one.place)),
            list = s.list,
            listed = s.listed,
            sets = s.sets,
            always = s.always,
            own = s.own
        FROM (
            SELECT
                COALESCE(pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum), '') AS list,
                COALESCE(pg_catalog.string_agg(pg_catalog.format('q.%I', a.attname), ', ' ORDER BY a.attnum), '')
                    AS listed,
                pg_catalog.string_agg(pg_catalog.format('%1$I = q.%1$I', a.attname), ', ' ORDER BY a.attnum)
                    FILTER (WHERE k.is_own) AS sets,
                COALESCE(pg_catalog.array_agg(pg_catalog.quote_ident(a.attname)) FILTER (
                    WHERE k.is_own AND a.attidentity = 'a'
                ), '{}') AS always,
                COALESCE(pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) FILTER (
                    WHERE k.is_own
                ), '{}') AS own
            FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_attribute AS b
                ON b.attname = a.attname
                AND b.attrelid = pg_catalog.to_regclass(one.place)
                AND b.attnum > 0
                AND NOT b.attisdropped
            CROSS JOIN LATERAL (
                SELECT CASE one.kind
                    WHEN 'column' THEN pg_catalog.quote_ident(a.attname) = one.column_name
                    ELSE pg_catalog.quote_ident(a.attname) <> ALL (one.keys) AND a.attname <> 'pgmigrate_given'
                END AS is_own
            ) AS k
            WHERE a.attrelid = one.target
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND a.attgenerated = ''
        ) AS s
        WHERE d.turn = one.turn;
    END LOOP;

    -- Columns that a later migration adds: their values wait for it by themselves.
    FOR one IN
        SELECT d.*, q.run_id, q.at, q.table_name, pg_catalog.quote_ident(b.attname) AS column_name
        FROM pg_temp.pgmigrate_due AS d
        JOIN pgmigrate.quarantines AS q ON q.id = d.id
        JOIN pg_catalog.pg_attribute AS b
            ON b.attrelid = pg_catalog.to_regclass(d.place) AND b.attnum > 0 AND NOT b.attisdropped
        WHERE d.kind = 'table'
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = d.target
                    AND a.attname = b.attname
                    AND NOT a.attisdropped
            )
        ORDER BY d.turn, b.attnum
    LOOP
        INSERT INTO pgmigrate.quarantines (run_id, at, kind, table_name, column_name, key_columns)
        VALUES (one.run_id, one.at, 'column', one.table_name, one.column_name, one.keys)
        RETURNING 'pgmigrate.quarantine_' || id INTO waiting;
        EXECUTE pg_catalog.format(
            'CREATE TABLE %s AS SELECT %s FROM %s',
            waiting, pg_catalog.array_to_string(one.keys || one.column_name, ', '), one.place
        );
    END LOOP;

    -- Rows: together, as tables may point at each other; without those whose parent is gone.
    FOR one IN SELECT d.* FROM pg_temp.pgmigrate_due AS d WHERE d.kind IN ('table', 'row') ORDER BY d.turn LOOP
        EXECUTE pg_catalog.format(
            'INSERT INTO pg_temp.pgmigrate_put SELECT %s, q.ctid FROM %s AS q', one.id, one.place
        );
    END LOOP;
    ANALYZE pg_temp.pgmigrate_put;
    SELECT pg_catalog.array_agg(pg_catalog.format(
        'DELETE FROM pg_temp.pgmigrate_put AS p USING %2$s AS q WHERE p.id = %1$s AND p.place = q.pgmigrate_place'
        ' AND %3$s',
        d.id, d.source, f.condition
    ))
    INTO filtered
    FROM pg_temp.pgmigrate_due AS d
    CROSS JOIN LATERAL (
        SELECT pg_catalog.format(
            '%1$s AND NOT EXISTS (SELECT 1 FROM %2$s AS p WHERE %3$s)%4$s',
            pg_catalog.string_agg(pg_catalog.format('q.%I IS NOT NULL', a.attname), ' AND '),
            c.confrelid::regclass,
            pg_catalog.string_agg(pg_catalog.format('p.%I = q.%I', r.attname, a.attname), ' AND '),
            (
                SELECT pg_catalog.string_agg(pg_catalog.format(
                    ' AND NOT EXISTS (SELECT 1 FROM %1$s AS p JOIN pg_temp.pgmigrate_put AS u ON u.id = %2$s'
                    ' AND u.place = p.pgmigrate_place WHERE %3$s)',
                    o.source, o.id, (
                        SELECT pg_catalog.string_agg(pg_catalog.format('p.%I = q.%I', y.attname, x.attname), ' AND ')
                        FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) AS m (own, other)
                        JOIN pg_catalog.pg_attribute AS x ON x.attrelid = c.conrelid AND x.attnum = m.own
                        JOIN pg_catalog.pg_attribute AS y ON y.attrelid = c.confrelid AND y.attnum = m.other
                    )
                ), '')
                FROM pg_temp.pgmigrate_due AS o
                WHERE o.kind IN ('table', 'row')
                    -- What a column that came later would hold is not kept.
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.pg_attribute AS y
                        LEFT JOIN pg_catalog.pg_attribute AS b
                            ON b.attrelid = pg_catalog.to_regclass(o.place)
                            AND b.attname = y.attname
                            AND NOT b.attisdropped
                        WHERE y.attrelid = c.confrelid
                            AND y.attnum = ANY (c.confkey)
                            AND b.attname IS NULL
                    )
                    AND (
                        o.target = c.confrelid
                        OR EXISTS (
                            SELECT 1
                            FROM pg_catalog.pg_partition_ancestors(o.target) AS e (relid)
                            WHERE e.relid = c.confrelid
                        )
                    )
            )
        ) AS condition
        FROM pg_catalog.pg_constraint AS c
        CROSS JOIN LATERAL ROWS FROM (
            pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)
        ) AS k (own, other)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.own
        JOIN pg_catalog.pg_attribute AS r ON r.attrelid = c.confrelid AND r.attnum = k.other
        WHERE c.conrelid = d.target
            AND c.contype = 'f'
            AND c.convalidated
            -- Where a column came later, the rows reference nothing.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS x
                LEFT JOIN pg_catalog.pg_attribute AS b
                    ON b.attrelid = pg_catalog.to_regclass(d.place)
                    AND b.attname = x.attname
                    AND NOT b.attisdropped
                WHERE x.attrelid = c.conrelid
                    AND x.attnum = ANY (c.conkey)
                    AND b.attname IS NULL
            )
            -- A partition has its parent's; to a partitioned table one for each of its partitions is kept, too.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_constraint AS h
                WHERE h.oid = c.conparentid
                    AND h.conrelid = c.conrelid
            )
        GROUP BY c.oid, c.confrelid, c.conrelid, c.conkey, c.confkey
    ) AS f
    WHERE d.kind IN ('table', 'row');
    BEGIN
        LOOP
            turn := 0;
            FOREACH statement IN ARRAY COALESCE(filtered, '{}') LOOP
                EXECUTE statement;
                GET DIAGNOSTICS counted = ROW_COUNT;
                turn := turn + counted;
            END LOOP;
            EXIT WHEN turn = 0;
        END LOOP;
    EXCEPTION
        WHEN data_exception OR integrity_constraint_violation THEN
            -- A value does not fit its type any more; which one it is shows below.
            NULL;
    END;

    -- What the migrations of this run wrote into tables that they made gives way to those, where both cannot be: rows
    -- of the same key, or the same rows where there is none. Not where that would take rows of other tables along.
    SELECT pg_catalog.array_agg(pg_catalog.format(
        'gone_%s AS (DELETE FROM %s AS t USING (%s) AS g WHERE t.tableoid = g.tab AND t.ctid = g.tid)',
        r.place, r.reach, r.same
    ) ORDER BY r.place)
    INTO parts
    FROM (
        SELECT
            row_number() OVER (ORDER BY d.turn) AS place,
            d.reach,
            pg_catalog.concat_ws(
                ' UNION ',
                pg_catalog.string_agg(pg_catalog.format(
                    'SELECT p.tab, p.tid FROM (SELECT t.tableoid AS tab, t.ctid AS tid%1$s FROM %2$s AS t%3$s) AS p'
                    ' JOIN (SELECT true AS here%1$s FROM %4$s AS q%3$s) AS r ON %5$s',
                    i.terms, d.reach, i.filter, w.source, i.condition
                ), ' UNION ') FILTER (WHERE i.terms IS NOT NULL),
                -- A unique index without a key may hold the same row twice, by a null in it.
                CASE WHEN d.keys = '{}' OR pg_catalog.bool_and(i.terms IS NULL) THEN pg_catalog.format(
                    'SELECT p.tab, p.tid FROM (SELECT t.tableoid AS tab, t.ctid AS tid, x.key,'
                    ' row_number() OVER (PARTITION BY x.key) AS turn FROM %1$s AS t'
                    ' CROSS JOIN LATERAL (SELECT pg_catalog.format(''%%s'', ROW(%2$s)) AS key FROM (SELECT t.*) AS q) AS x'
                    ') AS p JOIN (SELECT x.key, row_number() OVER (PARTITION BY x.key) AS turn FROM %3$s AS q'
                    ' CROSS JOIN LATERAL (SELECT pg_catalog.format(''%%s'', ROW(%2$s)) AS key) AS x'
                    ') AS r ON r.key = p.key AND r.turn = p.turn',
                    d.reach,
                    d.listed,
                    w.source
                ) END
            ) AS same
        FROM pg_temp.pgmigrate_due AS d
        CROSS JOIN LATERAL (
            SELECT pg_catalog.format(
                '(SELECT q.* FROM %s AS q JOIN pg_temp.pgmigrate_put AS u ON u.id = %s AND u.place = q.pgmigrate_place)',
                d.source, d.id
            ) AS source
        ) AS w
        LEFT JOIN LATERAL (
            SELECT
                pg_catalog.string_agg(pg_catalog.format(', %s AS key_%s', e.term, k.place), '' ORDER BY k.place) AS terms,
                COALESCE(' WHERE ' || pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') AS filter,
                pg_catalog.string_agg(pg_catalog.format(
                    CASE WHEN x.indnullsnotdistinct
                        THEN '(p.key_%1$s OPERATOR(%2$s) r.key_%1$s OR p.key_%1$s IS NULL AND r.key_%1$s IS NULL)'
                        ELSE 'p.key_%1$s OPERATOR(%2$s) r.key_%1$s' END,
                    k.place, e.operator
                ), ' AND ' ORDER BY k.place) AS condition
            FROM pg_catalog.pg_index AS x
            LEFT JOIN pg_catalog.pg_constraint AS n ON n.conindid = x.indexrelid AND n.contype = 'x'
            CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS k (place)
            JOIN pg_catalog.pg_opclass AS o ON o.oid = x.indclass[k.place - 1]
            CROSS JOIN LATERAL (
                SELECT
                    pg_catalog.pg_get_indexdef(x.indexrelid, k.place, false) AS term,
                    (
                        SELECT pg_catalog.quote_ident(s.nspname) || '.' || p.oprname
                        FROM pg_catalog.pg_operator AS p
                        JOIN pg_catalog.pg_namespace AS s ON s.oid = p.oprnamespace
                        WHERE p.oid = COALESCE(n.conexclop[k.place], (
                            SELECT m.amopopr
                            FROM pg_catalog.pg_amop AS m
                            WHERE m.amopfamily = o.opcfamily
                                AND m.amoplefttype = o.opcintype
                                AND m.amoprighttype = o.opcintype
                                AND m.amopstrategy = 3
                        ))
                    ) AS operator
            ) AS e
            WHERE x.indrelid = d.target
                AND (x.indisunique OR n.oid IS NOT NULL)
                -- Not by a column that was not kept.
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = x.indrelid
                        AND a.attnum > 0
                        AND NOT EXISTS (
                            SELECT 1
                            FROM pg_catalog.pg_attribute AS b
                            WHERE b.attrelid = pg_catalog.to_regclass(d.place)
                                AND b.attname = a.attname
                                AND NOT b.attisdropped
                        )
                        AND (
                            a.attnum = ANY (x.indkey::int2[])
                            OR EXISTS (
                                SELECT 1
                                FROM pg_catalog.pg_depend AS p
                                WHERE p.refclassid = 'pg_catalog.pg_class'::regclass
                                    AND p.refobjid = a.attrelid
                                    AND p.refobjsubid = a.attnum
                                    AND (
                                        p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = x.indexrelid
                                        OR p.classid = 'pg_catalog.pg_constraint'::regclass AND p.objid = n.oid
                                    )
                            )
                        )
                )
            GROUP BY x.indexrelid, x.indpred, x.indrelid, x.indnullsnotdistinct
        ) AS i ON true
        WHERE d.kind = 'table'
            AND d.is_made
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_constraint AS f
                WHERE f.confrelid = d.target
                    AND f.contype = 'f'
                    AND f.conparentid = 0
                    AND f.confdeltype NOT IN ('a', 'r')
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_temp.pgmigrate_due AS o
                        WHERE o.target = f.conrelid
                            AND (
                                o.kind = 'table' AND o.is_made
                                OR o.kind = 'column' AND f.confdeltype IN ('n', 'd') AND (
                                    SELECT pg_catalog.bool_or(pg_catalog.quote_ident(a.attname) = ANY (o.own))
                                    FROM pg_catalog.pg_attribute AS a
                                    WHERE a.attrelid = f.conrelid
                                        AND a.attnum = ANY (f.conkey)
                                )
                            )
                    )
            )
        GROUP BY d.turn, d.reach, d.keys, d.listed, w.source
    ) AS r;
    IF parts IS NOT NULL THEN
        BEGIN
            EXECUTE 'WITH ' || pg_catalog.array_to_string(parts, ', ') || ' SELECT';
        EXCEPTION
            WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
                -- They stay, and those stay in the quarantine whose place they have.
                NULL;
        END;
    END IF;

    -- A column that was not kept with its table draws from its sequence, where its values come later: what is drawn for
    -- nothing, as there is a value for every row, is given back. The statement locks it, and changes nothing.
    FOR one IN
        SELECT s.seqrelid::regclass AS name, s.seqincrement
        FROM pg_temp.pgmigrate_due AS d
        JOIN pg_catalog.pg_depend AS p
            ON p.refclassid = 'pg_catalog.pg_class'::regclass
            AND p.refobjid = d.target
            AND p.classid = 'pg_catalog.pg_class'::regclass
            AND p.deptype IN ('a', 'i')
        JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = p.objid
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
        WHERE d.kind IN ('table', 'row')
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS b
                WHERE b.attrelid = pg_catalog.to_regclass(d.place)
                    AND b.attname = a.attname
                    AND NOT b.attisdropped
            )
        GROUP BY s.seqrelid, s.seqincrement, d.target, a.attname
        HAVING sum(d.count_before) <= COALESCE((
            SELECT max(v.count_before)
            FROM pg_temp.pgmigrate_due AS v
            WHERE v.kind = 'column'
                AND v.target = d.target
                AND pg_catalog.quote_ident(a.attname) = ANY (v.own)
        ), 0)
    LOOP
        EXECUTE pg_catalog.format('ALTER SEQUENCE %s INCREMENT BY %s', one.name, one.seqincrement);
        EXECUTE pg_catalog.format(
            'INSERT INTO pg_temp.pgmigrate_drawn SELECT %1$L, s.last_value, s.is_called FROM %1$s AS s', one.name
        );
    END LOOP;

    -- Nor those whose key is taken.
    SELECT filtered || pg_catalog.array_agg(pg_catalog.format(
        'DELETE FROM pg_temp.pgmigrate_put AS p USING %2$s AS q WHERE p.id = %1$s AND p.place = q.pgmigrate_place'
        ' AND EXISTS (SELECT 1 FROM %3$s AS t WHERE %4$s)',
        d.id, d.source, d.target, (
            SELECT pg_catalog.string_agg(pg_catalog.format('t.%1$s = q.%1$s', k.name), ' AND ')
            FROM pg_catalog.unnest(d.keys) AS k (name)
        )
    ))
    INTO filtered
    FROM pg_temp.pgmigrate_due AS d
    WHERE d.kind IN ('table', 'row')
        AND d.keys <> '{}';
    BEGIN
        LOOP
            turn := 0;
            FOREACH statement IN ARRAY COALESCE(filtered, '{}') LOOP
                EXECUTE statement;
                GET DIAGNOSTICS counted = ROW_COUNT;
                turn := turn + counted;
            END LOOP;
            EXIT WHEN turn = 0;
        END LOOP;
        SELECT pg_catalog.array_agg(pg_catalog.format(
            'taken_%1$s AS (SELECT q.* FROM %2$s AS q JOIN pg_temp.pgmigrate_put AS p'
            ' ON p.id = %1$s AND p.place = q.pgmigrate_place),'
            ' gone_%1$s AS (DELETE FROM %3$s AS d USING pg_temp.pgmigrate_put AS p WHERE p.id = %1$s AND p.place = d.ctid),'
            ' put_%1$s AS (INSERT INTO %4$s%5$s OVERRIDING SYSTEM VALUE SELECT %6$s FROM taken_%1$s)',
            d.id, d.source, d.place, d.target, COALESCE(' (' || NULLIF(d.list, '') || ')', ''), d.list
        ) ORDER BY d.turn)
        INTO parts
        FROM pg_temp.pgmigrate_due AS d
        WHERE d.kind IN ('table', 'row');
        IF parts IS NOT NULL THEN
            EXECUTE 'WITH ' || pg_catalog.array_to_string(parts, ', ') || ' SELECT';
        END IF;
    EXCEPTION
        WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
            -- Some do not fit any more: a table at a time, or else a row at a time, as long as any does.
            LOOP
                turn := 0;
                FOR one IN SELECT d.* FROM pg_temp.pgmigrate_due AS d WHERE d.kind IN ('table', 'row') ORDER BY d.turn LOOP
                    missed := '[]';
                    -- What is asked first is whether all of them fit.
                    FOR row_place IN EXECUTE pg_catalog.format(
                        'SELECT NULL::tid UNION ALL (SELECT q.ctid FROM %s AS q)', one.place
                    ) LOOP
                        BEGIN
                            EXECUTE pg_catalog.format(
                                'WITH taken AS (SELECT q.* FROM %2$s AS q WHERE true%7$s),'
                                ' gone AS (DELETE FROM %3$s AS d USING taken AS p WHERE p.pgmigrate_place = d.ctid)'
                                ' INSERT INTO %4$s%5$s OVERRIDING SYSTEM VALUE SELECT %6$s FROM taken',
                                one.id, one.source, one.place, one.target,
                                COALESCE(' (' || NULLIF(one.list, '') || ')', ''), one.list,
                                CASE WHEN row_place IS NULL THEN '' ELSE pg_catalog.format(' AND q.pgmigrate_place = %L', row_place) END
                            );
                            GET DIAGNOSTICS counted = ROW_COUNT;
                            turn := turn + counted;
                            EXIT WHEN row_place IS NULL;
                        EXCEPTION
                            WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
                                IF row_place IS NOT NULL AND pg_catalog.jsonb_array_length(missed) < 20 THEN
                                    EXECUTE pg_catalog.format(
                                        'SELECT $1 || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array('
                                        'pg_catalog.left(%s, 200), $2::text)) FROM %s AS q WHERE q.ctid = $3',
                                        one.told_key, one.place
                                    )
                                    INTO missed
                                    USING missed, CASE
                                        WHEN SQLSTATE IN ('23503', '23505', '23P01')
                                            THEN 'what it belongs to is gone, or its key is taken'
                                        ELSE SQLERRM
                                    END, row_place;
                                END IF;
                        END;
                    END LOOP;
                    UPDATE pg_temp.pgmigrate_due AS d SET lefts = missed WHERE d.turn = one.turn;
                END LOOP;
                EXIT WHEN turn = 0;
            END LOOP;
    END;

    FOR one IN SELECT w.* FROM pg_temp.pgmigrate_drawn AS w LOOP
        PERFORM pg_catalog.setval(one.name::regclass, one.last_value, one.is_called);
    END LOOP;

    -- Values of rows that are there, found by their key, or by all that they are where they have none: by what stayed, and
    -- by the columns that are back already. First those of columns that had another type.
    FOR one IN
        SELECT
            d.*,
            q.column_name,
            row_number() OVER (ORDER BY NOT g.is_given, d.turn) AS place_in_order,
            pg_catalog.array_agg(q.column_name) OVER (
                PARTITION BY d.target ORDER BY g.is_given, d.turn DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS later
        FROM pg_temp.pgmigrate_due AS d
        JOIN pgmigrate.quarantines AS q ON q.id = d.id
        CROSS JOIN LATERAL (
            SELECT d.kind = 'column'
                AND d.keys = '{}'
                AND EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = pg_catalog.to_regclass(d.place)
                        AND a.attname = 'pgmigrate_given'
                )
                -- Of several of one column that counts last which was kept first.
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_temp.pgmigrate_due AS o
                    JOIN pgmigrate.quarantines AS p ON p.id = o.id
                    WHERE o.target = d.target
                        AND o.id <> d.id
                        AND p.column_name = q.column_name
                ) AS is_given
        ) AS g
        WHERE d.kind IN ('column', 'name', 'reference')
            AND d.sets IS NOT NULL
        ORDER BY place_in_order
    LOOP
        -- A name that somebody gave since stays; so does what points somewhere else by now.
        SELECT CASE one.kind
            WHEN 'name' THEN pg_catalog.format(' AND t.%s = q.pgmigrate_given', one.column_name)
            -- Where the column had another type; see unchanged.sql.
            WHEN 'column' THEN (
                SELECT ' AND q.pgmigrate_is_same'
                FROM pg_catalog.pg_attribute AS g
                WHERE g.attrelid = pg_catalog.to_regclass(one.place)
                    AND g.attname = 'pgmigrate_is_same'
            )
            WHEN 'reference' THEN COALESCE(pg_catalog.string_agg(
                CASE WHEN a.attnotnull THEN '' ELSE pg_catalog.format(' AND t.%I IS NULL', a.attname) END, ''
            ), '')
            ELSE ''
        END
        INTO condition
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = one.target
            AND a.attnum > 0
            AND pg_catalog.quote_ident(a.attname) = ANY (one.own);
        IF one.keys <> '{}' THEN
            SELECT pg_catalog.format(
                'SELECT q.*, t.tableoid AS pgmigrate_tab, t.ctid AS pgmigrate_tid FROM %s AS q JOIN %s AS t ON %s%s',
                one.source, one.reach,
                pg_catalog.string_agg(pg_catalog.format('t.%1$s = q.%1$s', k.name), ' AND '), condition
            )
            INTO statement
            FROM pg_catalog.unnest(one.keys) AS k (name);
        ELSE
            SELECT pg_catalog.format(
                'SELECT q.*, t.pgmigrate_tab, t.pgmigrate_tid'
                ' FROM (SELECT q.*, row_number() OVER (PARTITION BY x.key) AS pgmigrate_turn, x.key AS pgmigrate_key'
                ' FROM %1$s AS q CROSS JOIN LATERAL (SELECT pg_catalog.format(''%%s'', ROW(%3$s)) AS key) AS x) AS q'
                ' JOIN (SELECT t.tableoid AS pgmigrate_tab, t.ctid AS pgmigrate_tid, x.key AS pgmigrate_key,'
                ' row_number() OVER (PARTITION BY x.key) AS pgmigrate_turn'
                ' FROM %2$s AS t CROSS JOIN LATERAL ('
                'SELECT pg_catalog.format(''%%s'', ROW(%3$s)) AS key FROM (SELECT t.*) AS q) AS x) AS t'
                ' ON t.pgmigrate_key = q.pgmigrate_key AND t.pgmigrate_turn = q.pgmigrate_turn%4$s',
                one.source, one.reach, pg_catalog.string_agg(pg_catalog.format('q.%I', b.attname), ', '), condition
            )
            INTO statement
            FROM pg_catalog.pg_attribute AS b
            WHERE b.attrelid = pg_catalog.to_regclass(one.place)
                AND b.attnum > 0
                AND NOT b.attisdropped
                AND b.attname NOT IN ('pgmigrate_given', 'pgmigrate_is_same')
                AND pg_catalog.quote_ident(b.attname) <> ALL (one.own)
                AND pg_catalog.quote_ident(b.attname) <> ALL (COALESCE(pg_catalog.array_remove(one.later, NULL), '{}'))
                AND EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = one.target
                        AND a.attname = b.attname
                        AND NOT a.attisdropped
                );
        END IF;

        statement := pg_catalog.format(
            'WITH here AS (SELECT q.* FROM (%1$s) AS q WHERE true%%s),'
            ' put AS (UPDATE %2$s AS t SET %3$s FROM here AS q'
            ' WHERE t.tableoid = q.pgmigrate_tab AND t.ctid = q.pgmigrate_tid AND (%4$s))'
            ' DELETE FROM %5$s AS d USING here AS q WHERE d.ctid = q.pgmigrate_place',
            pg_catalog.replace(statement, '%', '%%'), pg_catalog.replace(one.reach, '%', '%%'),
            pg_catalog.replace(one.sets, '%', '%%'),
            (
                SELECT pg_catalog.string_agg(pg_catalog.format(
                    '(t.%1$s IS DISTINCT FROM NULL) <> (q.%1$s IS DISTINCT FROM NULL)'
                    ' OR pg_catalog.format(''%%%%s'', t.%1$s) <> pg_catalog.format(''%%%%s'', q.%1$s)',
                    pg_catalog.replace(c.name, '%', '%%')
                ), ' OR ')
                FROM pg_catalog.unnest(one.own) AS c (name)
            ),
            one.place
        );
        FOREACH waiting IN ARRAY one.always LOOP
            EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %s SET GENERATED BY DEFAULT', one.target, waiting);
        END LOOP;
        missed := '[]';
        FOR row_place IN EXECUTE pg_catalog.format(
            'SELECT NULL::tid UNION ALL (SELECT q.ctid FROM %s AS q)', one.place
        ) LOOP
            BEGIN
                EXECUTE pg_catalog.format(
                    statement, CASE WHEN row_place IS NULL THEN '' ELSE pg_catalog.format(' AND q.pgmigrate_place = %L', row_place) END
                );
                EXIT WHEN row_place IS NULL;
            EXCEPTION
                WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
                    IF row_place IS NOT NULL AND pg_catalog.jsonb_array_length(missed) < 20 THEN
                        EXECUTE pg_catalog.format(
                            'SELECT $1 || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array('
                            'pg_catalog.left(%s, 200), $2::text)) FROM %s AS q WHERE q.ctid = $3',
                            one.told_key, one.place
                        )
                        INTO missed
                        USING missed, SQLERRM, row_place;
                    END IF;
            END;
        END LOOP;
        UPDATE pg_temp.pgmigrate_due AS d SET lefts = missed WHERE d.turn = one.turn;
        FOREACH waiting IN ARRAY one.always LOOP
            EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %s SET GENERATED ALWAYS', one.target, waiting);
        END LOOP;
    END LOOP;

    -- Of a row that stays in the quarantine all stays there.
    FOR one IN
        SELECT d.*, 'pgmigrate.quarantine_' || w.id AS waiting, w.id AS waiting_id
        FROM pg_temp.pgmigrate_due AS d
        JOIN pgmigrate.quarantines AS q ON q.id = d.id
        JOIN pgmigrate.quarantines AS w
            ON w.run_id = q.run_id
            AND w.kind = 'column'
            AND w.table_name = q.table_name
            AND w.row_count IS NULL
            AND w.restored_at IS NULL
        WHERE d.kind = 'table'
    LOOP
        EXECUTE pg_catalog.format(
            'DELETE FROM %s AS t USING %s AS q WHERE %s', one.waiting, one.place, COALESCE((
                SELECT pg_catalog.string_agg(pg_catalog.format('t.%1$s = q.%1$s', k.name), ' AND ')
                FROM pg_catalog.unnest(one.keys) AS k (name)
            ), 'false')
        );
        EXECUTE pg_catalog.format('SELECT count(*) FROM %s', one.waiting) INTO counted;
        UPDATE pgmigrate.quarantines AS q SET row_count = counted WHERE q.id = one.waiting_id;
    END LOOP;

    -- Sequences go on where they were, and nowhere before what the migrations of this run have drawn.
    FOR one IN SELECT d.* FROM pg_temp.pgmigrate_due AS d WHERE d.kind = 'sequence' ORDER BY d.turn LOOP
        FOR more IN EXECUTE pg_catalog.format(
            'SELECT q.ctid AS place, q.last_value, q.is_called, s.seqrelid::regclass AS name, s.seqincrement,'
            ' s.seqcycle FROM %s AS q JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = COALESCE('
            '(SELECT d.objid FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a'
            ' ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid'
            ' JOIN pg_catalog.pg_sequence AS o ON o.seqrelid = d.objid'
            ' WHERE d.classid = ''pg_catalog.pg_class''::regclass AND d.refclassid = ''pg_catalog.pg_class''::regclass'
            ' AND d.deptype IN (''a'', ''i'') AND d.refobjid = pg_catalog.to_regclass(q.of_table)'
            ' AND a.attname = q.of_column'
            -- A column may own several; the one of that name first.
            ' ORDER BY d.objid <> COALESCE(pg_catalog.to_regclass(q.name)::oid, 0), d.deptype DESC LIMIT 1),'
            ' pg_catalog.to_regclass(q.name)::oid)',
            one.place
        ) LOOP
            BEGIN
                EXECUTE pg_catalog.format(
                    'SELECT pg_catalog.setval(%1$L::regclass, $1, $2) FROM %2$s AS s'
                    ' WHERE $3 OR (s.last_value::numeric - $1) * $4 < 0 OR s.last_value = $1 AND $2',
                    more.name, more.name
                )
                USING more.last_value, more.is_called, more.seqcycle, pg_catalog.sign(more.seqincrement)::bigint;
                EXECUTE pg_catalog.format('DELETE FROM %s AS q WHERE q.ctid = $1', one.place) USING more.place;
            EXCEPTION
                WHEN data_exception OR insufficient_privilege THEN
                    -- It lies outside what the sequence gives now.
                    NULL;
            END;
        END LOOP;
    END LOOP;

    -- Materialized views on what has its rows again.
    FOR one IN
        WITH RECURSIVE reading AS (
            SELECT d.target::oid AS relation
            FROM pg_temp.pgmigrate_due AS d
            WHERE d.kind = 'table'

            UNION
            SELECT w.ev_class
            FROM reading AS r
            JOIN pg_catalog.pg_depend AS p
                ON p.refclassid = 'pg_catalog.pg_class'::regclass
                AND p.refobjid = r.relation
                AND p.classid = 'pg_catalog.pg_rewrite'::regclass
            JOIN pg_catalog.pg_rewrite AS w ON w.oid = p.objid
        )
        SELECT c.oid::regclass AS name
        FROM reading AS r
        JOIN pg_catalog.pg_class AS c ON c.oid = r.relation
        WHERE c.relkind = 'm'
            AND c.relispopulated
        -- One that reads another was made after it.
        ORDER BY c.oid
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('REFRESH MATERIALIZED VIEW %s', one.name);
        EXCEPTION
            WHEN integrity_constraint_violation OR data_exception OR raise_exception OR insufficient_privilege THEN
                -- It stays as the migration has filled it.
                NULL;
        END;
    END LOOP;

    FOR one IN
        SELECT d.*, q.table_name, q.column_name
        FROM pg_temp.pgmigrate_due AS d
        JOIN pgmigrate.quarantines AS q ON q.id = d.id
        ORDER BY d.turn
    LOOP
        EXECUTE pg_catalog.format('SELECT count(*) FROM %s', one.place) INTO counted;
        missed := one.lefts;
        IF counted > 0 AND pg_catalog.jsonb_array_length(missed) < LEAST(counted, 20) THEN
            EXECUTE pg_catalog.format(
                'SELECT $1 || COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(l.key, %L)), ''[]'')'
                ' FROM (SELECT pg_catalog.left(%s, 200) AS key FROM %s AS q'
                ' WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.jsonb_array_elements($1) AS x'
                ' WHERE x.value ->> 0 = pg_catalog.left(%s, 200)) ORDER BY 1 LIMIT %s) AS l',
                CASE one.kind
                    WHEN 'table' THEN 'what it belongs to is gone, or its key is taken'
                    WHEN 'row' THEN 'what it belongs to is gone, or its key is taken'
                    WHEN 'column' THEN 'its row is gone, or was changed since'
                    WHEN 'sequence' THEN 'it is not there, or does not reach so far'
                    ELSE 'its row is gone, or was changed since'
                END,
                one.told_key, one.place, one.told_key, 20 - pg_catalog.jsonb_array_length(missed)
            )
            INTO missed
            USING missed;
        END IF;
        -- What does not fit yet is tried again when the rest of its migrations is there.
        UPDATE pgmigrate.quarantines AS q
        SET
            restored_at = CASE WHEN counted = 0 OR one.is_complete THEN pg_catalog.clock_timestamp() END,
            row_count = counted
        WHERE q.id = one.id;
        IF counted = 0 THEN
            EXECUTE pg_catalog.format('DROP TABLE %s', one.place);
        END IF;
        IF one.kind <> 'sequence' OR counted > 0 AND one.is_complete THEN
            told := told || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
                'object', one.table_name || COALESCE('.' || one.column_name, ''),
                'put', one.count_before - counted,
                'left', CASE WHEN one.is_complete THEN counted ELSE 0 END,
                'rows', CASE WHEN one.is_complete THEN missed ELSE '[]' END
            ));
        END IF;
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.put_back', told::text, true);
    DROP TABLE pg_temp.pgmigrate_due, pg_temp.pgmigrate_put, pg_temp.pgmigrate_drawn;
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.put_back') AS put_back \gset
