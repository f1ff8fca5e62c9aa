-- Keeps the catalog as this step leaves it: drift is measured against it. Variables: run_id.
INSERT INTO pgmigrate.catalogs AS c (kind, run_id, lines)
VALUES ('last', :'run_id', pg_catalog.current_setting('pgmigrate.after')::text[])
ON CONFLICT (kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines = excluded.lines;
