-- Copies what is about to be dropped into the registry schema, in the transaction that drops it.
-- Variables: tables (JSON: [name, ...]), columns (JSON: [[table, column], ...]), run_id.
SELECT
    pg_catalog.set_config('pgmigrate.tables', :'tables', true),
    pg_catalog.set_config('pgmigrate.columns', :'columns', true),
    pg_catalog.set_config('pgmigrate.run_id', :'run_id', true);
DO $$
DECLARE
    one record;
    keys text[];
    list text;
    filter text;
    place bigint;
    kept bigint;
BEGIN
    FOR one IN
        -- Tables that point at others first: what was kept last is put back first.
        WITH RECURSIVE pointing AS (
            SELECT t.value AS table_name, pg_catalog.to_regclass(t.value)::oid AS relation, 0 AS depth
            FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.tables')::jsonb) AS t

            UNION ALL
            SELECT p.table_name, k.confrelid, p.depth + 1
            FROM pointing AS p
            JOIN pg_catalog.pg_constraint AS k ON k.conrelid = p.relation
            WHERE k.contype = 'f'
                AND k.confrelid <> k.conrelid
                AND p.depth < 50
        )
        SELECT p.table_name, NULL::text AS column_name, max(p.depth) AS depth
        FROM pointing AS p
        GROUP BY p.table_name

        UNION ALL
        SELECT c.value ->> 0, c.value ->> 1, -1
        FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgmigrate.columns')::jsonb) AS c
        ORDER BY depth DESC, table_name, column_name
    LOOP
        SELECT COALESCE(pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place), '{}')
        INTO keys
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = pg_catalog.to_regclass(one.table_name)
            AND i.indisprimary;

        INSERT INTO pgmigrate.quarantines (run_id, kind, table_name, column_name, key_columns)
        VALUES (
            pg_catalog.current_setting('pgmigrate.run_id')::uuid,
            CASE WHEN one.column_name IS NULL THEN 'table' ELSE 'column' END,
            one.table_name,
            one.column_name,
            keys
        )
        RETURNING id INTO place;

        list := '*';
        filter := '';
        IF one.column_name IS NOT NULL THEN
            IF keys = '{}' THEN
                RAISE EXCEPTION 'table % has no primary key: the values of its column % cannot be kept',
                    one.table_name, one.column_name;
            END IF;
            list := pg_catalog.array_to_string(keys || one.column_name, ', ');
            -- What the default gives anyway need not be kept, where it is a constant.
            SELECT CASE
                WHEN d.adbin IS NULL THEN pg_catalog.format(' WHERE %s IS NOT NULL', one.column_name)
                WHEN e.text ~ '^(''([^'']|'''')*''(::[a-z ]+)?|-?[0-9.]+|true|false)$'
                    THEN pg_catalog.format(' WHERE %s IS DISTINCT FROM %s', one.column_name, e.text)
                ELSE ''
            END
            INTO filter
            FROM pg_catalog.pg_attribute AS a
            LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS text) AS e
            WHERE a.attrelid = pg_catalog.to_regclass(one.table_name)
                AND pg_catalog.quote_ident(a.attname) = one.column_name;
        END IF;
        EXECUTE pg_catalog.format(
            'CREATE TABLE pgmigrate.%I AS SELECT %s FROM %s%s', 'quarantine_' || place, list, one.table_name, filter
        );
        GET DIAGNOSTICS kept = ROW_COUNT;
        UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = place;
    END LOOP;
END;
$$;
