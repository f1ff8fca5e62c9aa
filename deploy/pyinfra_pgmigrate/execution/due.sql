-- Finds what may be put back after this step. All that a rollback took away comes back together once the last of
-- the migrations that it reverted is applied again: then it fits, and what these migrations write themselves has been
-- written; or, as far as it fits, at the end of a run that stops before. Variables: tables (JSON: names of those that
-- this step makes), version, run_id, is_last_of_run. Sets is_due and has_dependents.
\set is_due false
\set has_dependents false
-- As a rule nothing is kept, and that is seen at once.
SELECT
    EXISTS (SELECT 1 FROM pgmigrate.quarantines AS k WHERE k.restored_at IS NULL AND k.dropped_at IS NULL)
    OR EXISTS (SELECT 1 FROM pgmigrate.dependents AS d WHERE d.restored_at IS NULL AND d.dropped_at IS NULL)
    AS may_be_due \gset
\if :may_be_due
SELECT
    pg_catalog.set_config('pgmigrate.due', q.due::text, true),
    pg_catalog.set_config('pgmigrate.relations', q.tables::text, true),
    pg_catalog.set_config('pgmigrate.put_back', '[]', true)
FROM (
    SELECT
        -- What was kept last is what was true last; and it is put back in the opposite order.
        COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'id', k.id, 'is_complete', c.is_complete, 'is_made', m.is_made
        ) ORDER BY k.id DESC), '[]') AS due,
        COALESCE(pg_catalog.jsonb_agg(DISTINCT t.relation::text) FILTER (WHERE k.kind <> 'sequence'), '[]') AS tables
    FROM pgmigrate.quarantines AS k
    CROSS JOIN LATERAL (
        SELECT pg_catalog.to_regclass(pg_catalog.regexp_replace(
            k.table_name, pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
        )) AS relation
    ) AS t
    CROSS JOIN LATERAL (
        SELECT NOT EXISTS (
            SELECT 1
            FROM pgmigrate.events AS e
            WHERE e.run_id = k.run_id
                AND e.event = 'reverted'
                AND e.version <> :'version'::bigint
                AND NOT EXISTS (SELECT 1 FROM pgmigrate.migrations AS a WHERE a.version = e.version AND :of_scope)
        ) AS is_complete
    ) AS c
    -- Whether nobody but the migrations of this run can have written to the table.
    CROSS JOIN LATERAL (
        SELECT :'tables'::jsonb ? k.table_name OR EXISTS (
            SELECT 1
            FROM pgmigrate.events AS e
            LEFT JOIN LATERAL pg_catalog.unnest(e.added) AS l (line) ON true
            WHERE e.run_id = :'run_id'::uuid
                AND e.event IN ('step', 'applied', 'resumed', 'repaired')
                AND e.at > k.at
                AND (
                    e.details -> 'remade' ? k.table_name
                    OR pg_catalog.starts_with(l.line || ' ', 'table ' || pg_catalog.replace(pg_catalog.replace(
                        pg_catalog.replace(pg_catalog.replace(k.table_name, '\', '\\'), E'\n', '\n'), E'\r', '\r'
                    ), E'\t', '\t') || ' ')
                )
        ) AS is_made
    ) AS m
    WHERE k.restored_at IS NULL
        AND k.dropped_at IS NULL
        AND :of_run
        AND (c.is_complete OR :is_last_of_run)
        AND pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id) IS NOT NULL
        AND CASE
            WHEN k.kind = 'sequence' THEN true
            WHEN t.relation IS NULL THEN false
            WHEN k.kind = 'table' AND (k.key_columns <> '{}' OR c.is_complete) THEN true
            WHEN k.kind = 'column' THEN EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = t.relation
                    AND a.attnum > 0
                    AND NOT a.attisdropped
                    AND pg_catalog.quote_ident(a.attname) = k.column_name
                    -- What tells its rows apart may have another name still.
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.unnest(k.key_columns) AS w (name)
                        WHERE NOT EXISTS (
                            SELECT 1
                            FROM pg_catalog.pg_attribute AS b
                            WHERE b.attrelid = t.relation
                                AND b.attnum > 0
                                AND NOT b.attisdropped
                                AND pg_catalog.quote_ident(b.attname) = w.name
                        )
                    )
                    -- Values that another type could not hold wait until it has theirs again.
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.pg_attribute AS g
                        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = g.attrelid AND b.attname = a.attname
                        WHERE g.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
                            AND g.attname = 'pgmigrate_given'
                            AND NOT (
                                c.is_complete
                                AND (
                                    b.atttypid = 'pg_catalog.text'::regtype
                                    OR (b.atttypid, b.atttypmod) = (a.atttypid, a.atttypmod)
                                )
                            )
                    )
            )
            -- Every column that they had is there again; of a table without a key as well, since no value can be put
            -- back later.
            ELSE NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantine_' || k.id)
                    AND a.attnum > 0
                    AND NOT a.attisdropped
                    AND a.attname <> 'pgmigrate_given'
                    AND NOT EXISTS (
                        SELECT 1
                        FROM pg_catalog.pg_attribute AS b
                        WHERE b.attrelid = t.relation
                            AND b.attname = a.attname
                            AND NOT b.attisdropped
                    )
            )
            -- The rule in whose way they were does not stand any more.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.jsonb_array_elements(k.rules) AS r
                JOIN pg_catalog.pg_index AS i ON i.indrelid = pg_catalog.to_regclass(pg_catalog.regexp_replace(
                    r.value ->> 'table', pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
                ))
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
        END
) AS q;
-- What others built waits as long: a migration that comes may drop and make again what it stands on.
SELECT pg_catalog.set_config('pgmigrate.dependents', COALESCE(pg_catalog.jsonb_agg(d.id), '[]')::text, true)
FROM pgmigrate.dependents AS d
WHERE d.restored_at IS NULL
    AND d.dropped_at IS NULL
    AND :of_run
    AND (
        :is_last_of_run
        OR NOT EXISTS (
            SELECT 1
            FROM pgmigrate.events AS e
            WHERE e.run_id = d.run_id
                AND e.event = 'reverted'
                AND e.version <> :'version'::bigint
                AND NOT EXISTS (SELECT 1 FROM pgmigrate.migrations AS a WHERE a.version = e.version AND :of_scope)
        )
    );
SELECT
    pg_catalog.current_setting('pgmigrate.due') <> '[]' AS is_due,
    pg_catalog.current_setting('pgmigrate.dependents') <> '[]' AS has_dependents \gset
\endif
