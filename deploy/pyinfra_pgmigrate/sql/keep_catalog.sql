-- Keeps the catalog as this step leaves it: drift is measured against it. Variables: run_id.
INSERT INTO pgmigrate.catalogs AS c (kind, run_id, lines, fingerprint)
VALUES (
    'last',
    :'run_id',
    pg_catalog.current_setting('pgmigrate.after')::text[],
    -- With a hash of the lines themselves: nobody has had a hand in one of the two.
    NULLIF(pg_catalog.current_setting('pgmigrate.after_fingerprint'), '') || ' '
        || pg_catalog.hash_array_extended(pg_catalog.current_setting('pgmigrate.after')::text[], 0)
)
ON CONFLICT (kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines = excluded.lines,
    fingerprint = excluded.fingerprint;
