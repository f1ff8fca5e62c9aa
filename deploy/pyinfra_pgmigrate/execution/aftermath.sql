-- After a step that did not end well: writes the event; drop_invalid.sql follows. Variables: version, name,
-- checksum, statements, sqlstate, message, run_id, tool_version.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.events') IS NOT NULL AS has_registry \gset
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
