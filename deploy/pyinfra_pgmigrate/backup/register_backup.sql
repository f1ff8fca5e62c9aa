-- Notes a backup in the registry of its database, where there is one. Variables: label, taken_at, folder,
-- backup_bytes, verification, verified_at (or empty), run_id, host_name, tool_version.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.backups') IS NOT NULL AS has_registry \gset
\if :has_registry
INSERT INTO pgmigrate.backups AS b (
    label, taken_at, run_id, host_name, folder, backup_bytes, verification, verified_at, tool_version
)
VALUES (
    :'label',
    :'taken_at',
    :'run_id',
    :'host_name',
    :'folder',
    :'backup_bytes',
    :'verification',
    NULLIF(:'verified_at', '')::timestamptz,
    :'tool_version'
)
ON CONFLICT (label) DO UPDATE
SET
    verification = excluded.verification,
    verified_at = excluded.verified_at;
\endif
