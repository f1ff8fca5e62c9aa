-- Takes back indexes that were built for a cut-over which did not come; waits for their table only a moment.
-- Not where it did come after all. Variables: built (JSON: index names, with their schema), reverted (JSON: versions),
-- lock_timeout_ms.
SELECT pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', false);
SELECT pg_catalog.format('DROP INDEX IF EXISTS %s', i.indexrelid::pg_catalog.regclass)
FROM pg_catalog.jsonb_array_elements_text(:'built'::jsonb) AS b (name)
JOIN pg_catalog.pg_index AS i ON i.indexrelid = pg_catalog.to_regclass(b.name)
WHERE EXISTS (
        SELECT 1
        FROM pgmigrate.migrations AS m
        JOIN pg_catalog.jsonb_array_elements_text(:'reverted'::jsonb) AS r (version) ON r.version::bigint = m.version
        WHERE :of_scope
    )
\gexec
