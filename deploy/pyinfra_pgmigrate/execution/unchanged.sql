-- Notes, before a step takes columns away or gives them another type, which values that a rollback had to change are
-- still as it left them: those get back what they were once all is applied again, whatever the step makes of them.
-- Variables: columns (JSON: [[table, column], ...]).
SELECT pg_catalog.set_config('pgmigrate.columns', :'columns', true);
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        WITH RECURSIVE named AS (
            SELECT
                pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    c.value ->> 0, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                ))::oid AS relation,
                c.value ->> 1 AS column_name
            FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.columns')::jsonb) AS c

            UNION
            SELECT i.inhrelid, n.column_name
            FROM named AS n
            JOIN pg_catalog.pg_inherits AS i ON i.inhparent = n.relation
        )
        SELECT
            q.id,
            n.column_name,
            CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || c.oid::regclass AS source,
            l.list,
            l.new_list
        FROM named AS n
        JOIN pg_catalog.pg_class AS c ON c.oid = n.relation
        JOIN pgmigrate.quarantines AS q
            ON n.relation IN (
                pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    q.table_name, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                )),
                pg_catalog.to_regclass(pg_catalog.obj_description(
                    pg_catalog.to_regclass('pgmigrate.quarantine_' || q.id), 'pg_class'
                ))
            )
        JOIN pg_catalog.pg_attribute AS g
            ON g.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || q.id) AND g.attname = 'pgmigrate_given'
        JOIN pg_catalog.pg_attribute AS o
            ON o.attrelid = g.attrelid
            AND o.attnum > 0
            AND pg_catalog.quote_ident(o.attname) = q.column_name
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = n.relation
            AND a.attnum > 0
            AND NOT a.attisdropped
            AND pg_catalog.quote_ident(a.attname) = n.column_name
            -- By its name, or by the one that the rollback gave it back.
            AND (a.attname = o.attname OR a.attname = pg_catalog.col_description(o.attrelid, o.attnum))
        -- What tells the rows apart, in the quarantine and in the table, where it may still have the name that the
        -- rollback gave it; not where both names are there.
        CROSS JOIN LATERAL (
            SELECT
                pg_catalog.string_agg('t.' || pg_catalog.quote_ident(w.attname), ', ' ORDER BY w.attnum),
                pg_catalog.string_agg('t.' || pg_catalog.quote_ident(x.attname), ', ' ORDER BY w.attnum),
                COALESCE(pg_catalog.bool_and(x.attname IS NOT NULL), true)
            FROM pg_catalog.pg_attribute AS w
            LEFT JOIN LATERAL (
                SELECT max(v.attname::text) AS attname
                FROM pg_catalog.pg_attribute AS v
                WHERE v.attrelid = n.relation
                    AND v.attnum > 0
                    AND NOT v.attisdropped
                    AND (v.attname = w.attname OR v.attname = pg_catalog.col_description(w.attrelid, w.attnum))
                HAVING count(*) = 1
            ) AS x ON true
            WHERE w.attrelid = g.attrelid
                AND w.attnum > 0
                AND w.attname NOT IN ('pgmigrate_given', 'pgmigrate_is_same')
                AND pg_catalog.quote_ident(w.attname) <> q.column_name
        ) AS l (list, new_list, is_whole)
        WHERE q.kind = 'column'
            AND q.restored_at IS NULL
            AND q.dropped_at IS NULL
            -- As long as it has the type that the rollback gave it.
            AND (g.atttypid = 'pg_catalog.text'::regtype OR (g.atttypid, g.atttypmod) = (a.atttypid, a.atttypmod))
            AND l.is_whole
    LOOP
        -- Of equal rows without a key one that was changed since cannot be told from the others: then none is as it was.
        EXECUTE pg_catalog.format(
            'WITH kept AS MATERIALIZED (SELECT t.ctid AS place, pg_catalog.format(''%%s'', ROW(%2$s)) AS key,'
            ' CASE WHEN t.pgmigrate_given IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.pgmigrate_given) END'
            ' AS given FROM pgmigrate.%1$I AS t),'
            ' now AS (SELECT pg_catalog.format(''%%s'', ROW(%5$s)) AS key,'
            ' CASE WHEN t.%3$s IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%3$s) END AS given FROM %4$s AS t),'
            ' same AS MATERIALIZED (SELECT k.key'
            ' FROM (SELECT k.key, pg_catalog.array_agg(k.given ORDER BY k.given COLLATE "C") AS given FROM kept AS k GROUP BY k.key) AS k'
            ' JOIN (SELECT n.key, pg_catalog.array_agg(n.given ORDER BY n.given COLLATE "C") AS given FROM now AS n GROUP BY n.key) AS n'
            ' ON n.key = k.key AND n.given = k.given)'
            ' UPDATE pgmigrate.%1$I AS q SET pgmigrate_is_same = q.pgmigrate_is_same IS NOT FALSE AND s.key IS NOT NULL'
            ' FROM kept AS k LEFT JOIN same AS s ON s.key = k.key WHERE q.ctid = k.place',
            'quarantine_' || one.id, COALESCE(one.list, ''), one.column_name, one.source,
            COALESCE(one.new_list, '')
        );
    END LOOP;
END;
$$;
