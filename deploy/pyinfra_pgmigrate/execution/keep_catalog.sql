-- Keeps the catalog as this step leaves it: drift is measured against it. Variables: run_id, lines_version, after.
INSERT INTO pgmigrate.catalogs AS c (schema_name, kind, run_id, lines_version, lines, fingerprint)
VALUES (
    :'scope',
    'last',
    :'run_id',
    :'lines_version',
    pg_catalog.current_setting(:'after')::text[],
    -- With a hash of the lines themselves: nobody has had a hand in one of the two.
    NULLIF(pg_catalog.current_setting(:'after' || '_fingerprint'), '') || ' '
        || pg_catalog.hash_array_extended(pg_catalog.current_setting(:'after')::text[], 0)
)
ON CONFLICT (schema_name, kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines_version = excluded.lines_version,
    lines = excluded.lines,
    fingerprint = excluded.fingerprint;
