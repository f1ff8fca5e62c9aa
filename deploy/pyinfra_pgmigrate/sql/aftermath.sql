-- After a step that did not end well: writes the event and drops what it left behind. Variables:
-- drop_invalid (JSON: names of indexes that the step was building), version, name, checksum, statements,
-- sqlstate, message, run_id, tool_version.
SELECT pg_catalog.to_regclass('pgmigrate.events') IS NOT NULL AS has_registry \gset
\if :has_registry
INSERT INTO pgmigrate.events (run_id, event, version, name, checksum, statements, details, tool_version)
VALUES (
    :'run_id',
    'failed',
    :'version',
    :'name',
    :'checksum',
    ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'statements'::jsonb)::integer),
    pg_catalog.jsonb_build_object('sqlstate', :'sqlstate', 'message', :'message'),
    :'tool_version'
);
UPDATE pgmigrate.runs AS r
SET finished_at = pg_catalog.clock_timestamp()
WHERE r.run_id = :'run_id'::uuid;
\endif

-- An INVALID index that our statement left behind costs every writer, and a unique one refuses rows.
-- Dropping waits for whoever has read the table in an open transaction; the next run tries again.
SET lock_timeout = 0;
SET statement_timeout = '60s';
SELECT pg_catalog.format('DROP INDEX CONCURRENTLY IF EXISTS %s', i.indexrelid::pg_catalog.regclass)
FROM pg_catalog.pg_index AS i
WHERE i.indexrelid IN (
        SELECT pg_catalog.to_regclass(d.name)
        FROM pg_catalog.jsonb_array_elements_text(:'drop_invalid'::jsonb) AS d (name)
    )
    AND NOT i.indisvalid
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_stat_progress_create_index AS p
        WHERE p.index_relid = i.indexrelid
    )
\gexec
