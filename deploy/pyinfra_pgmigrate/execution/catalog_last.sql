-- Before the first step that reads the catalog in parts: has the registry hold all lines as they are before it, so that this
-- step and those after it need write only what they change; and prepares what they need, whose texts were sent once, with
-- the beginning of the session; pgmigrate_part is prepared. Variables: before, after, run_id, lines_version,
-- touched_prepared, lines_of_prepared, joined_prepared.
INSERT INTO pgmigrate.catalogs AS c (schema_name, kind, run_id, lines_version, lines)
VALUES (:'scope', 'last', :'run_id', :'lines_version', pg_catalog.current_setting(:'before')::text[])
ON CONFLICT (schema_name, kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines_version = excluded.lines_version,
    lines = excluded.lines,
    removed = '{}',
    added = '{}',
    fingerprint = NULL
WHERE c.lines_version <> excluded.lines_version
    OR c.server_version_num <> excluded.server_version_num
    OR c.removed <> '{}'
    OR c.added <> '{}'
    OR c.lines <> excluded.lines;
SELECT :'touched_prepared', :'lines_of_prepared', :'joined_prepared' \gexec
-- Planned here, it holds no lock.
EXECUTE pgmigrate_part(:'after' || '_part', '{}');
