-- Finds what may be put back after this step: what earlier rollbacks kept of the tables and columns that it
-- has just made, and what was moved or renamed for a rule that does not stand any more. Variables: tables
-- (JSON: [name, ...]), columns (JSON: [[table, column], ...]). Sets is_due and
-- has_dependents.
SELECT
    pg_catalog.set_config('pgmigrate.due', q.ids::text, true),
    pg_catalog.set_config('pgmigrate.relations', q.tables::text, true),
    pg_catalog.set_config('pgmigrate.put_back', '[]', true)
FROM (
    SELECT
        -- What was kept last is what was true last; and it is put back in the opposite order.
        COALESCE(pg_catalog.jsonb_agg(k.id ORDER BY k.id DESC), '[]') AS ids,
        COALESCE(pg_catalog.jsonb_agg(DISTINCT k.table_name), '[]') AS tables
    FROM pgmigrate.quarantines AS k
    WHERE k.restored_at IS NULL
        AND k.dropped_at IS NULL
        AND pg_catalog.to_regclass(k.table_name) IS NOT NULL
        AND pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id) IS NOT NULL
        AND CASE k.kind
            WHEN 'table' THEN
                CASE k.key_columns
                    -- Without a key no value can be put back later: only once all columns are there.
                    WHEN '{}' THEN NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
                            AND a.attnum > 0
                            AND NOT a.attisdropped
                            AND NOT EXISTS (
                                SELECT 1
                                FROM pg_catalog.pg_attribute AS b
                                WHERE b.attrelid = pg_catalog.to_regclass(k.table_name)
                                    AND b.attname = a.attname
                                    AND NOT b.attisdropped
                            )
                    )
                    ELSE :'tables'::jsonb ? k.table_name
                END
            WHEN 'column' THEN :'columns'::jsonb
                @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(k.table_name, k.column_name))
            ELSE NOT EXISTS (
                SELECT 1
                FROM pg_catalog.jsonb_array_elements(k.rules) AS r
                JOIN pg_catalog.pg_index AS i ON i.indrelid = pg_catalog.to_regclass(r.value ->> 'table')
                WHERE i.indisunique
                    AND (
                        SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attname)
                        FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = i.indrelid
                            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                    ) = (
                        SELECT pg_catalog.jsonb_agg(c.name ORDER BY c.name)
                        FROM pg_catalog.jsonb_array_elements_text(r.value -> 'columns') AS c (name)
                    )
            )
            -- Every column that they had is there again.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
                    AND a.attnum > 0
                    AND NOT a.attisdropped
                    AND a.attname <> 'pgmigrate_given'
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.pg_attribute AS b
                        WHERE b.attrelid = pg_catalog.to_regclass(k.table_name)
                            AND b.attname = a.attname
                            AND NOT b.attisdropped
                    )
            )
        END
) AS q;
SELECT
    pg_catalog.current_setting('pgmigrate.due') <> '[]' AS is_due,
    EXISTS (
        SELECT 1 FROM pgmigrate.dependents AS d WHERE d.restored_at IS NULL AND d.dropped_at IS NULL
    ) AS has_dependents \gset
