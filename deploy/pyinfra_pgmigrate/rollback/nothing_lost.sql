-- Ends a rollback whose script drops a table or a column of which nothing was kept: it stays in the catalog that comes
-- out, so that no comparison shows it, and its rows would be gone. Needs keep.sql before it, and keep_after.sql.
DO $$
DECLARE
    lost text;
BEGIN
    SELECT pg_catalog.string_agg(l.name, ', ' ORDER BY l.name)
    INTO lost
    FROM (
        SELECT 'table ' || t.name AS name
        FROM pg_temp.pgmigrate_there AS t
        WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.oid = t.relation)
            AND NOT EXISTS (
                SELECT 1
                FROM pg_temp.pgmigrate_kept AS k
                JOIN pgmigrate.quarantines AS q ON q.id = k.id
                WHERE k.attnum IS NULL
                    AND k.relation = ANY (t.homes)
            )

        UNION ALL
        SELECT pg_catalog.format('a column of table %s', t.name)
        FROM pg_catalog.pg_locks AS l
        JOIN pg_temp.pgmigrate_there AS t ON t.relation = l.relation
        JOIN pg_catalog.pg_class AS c ON c.oid = t.relation AND NOT c.relispartition
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.relation AND a.attnum > 0 AND a.attisdropped
        WHERE l.locktype = 'relation'
            AND l.pid = pg_catalog.pg_backend_pid()
            AND l.mode = 'AccessExclusiveLock'
            -- Written by this transaction.
            AND pg_catalog.age(a.xmin) <= 0
            AND a.attnum <> ALL (t.empty)
            -- One that the script itself has added held nothing.
            AND a.attnum <= t.columns
            AND NOT EXISTS (
                SELECT 1
                FROM pg_temp.pgmigrate_kept AS k
                WHERE k.relation = t.relation
                    AND k.attnum = a.attnum
            )
    ) AS l;
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'its rows would not be kept: the script drops %', lost
            USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Drop it by a statement of its own, DROP TABLE NAME or ALTER TABLE NAME DROP COLUMN NAME, not in a block or a function.';
    END IF;
END;
$$;
