-- Notes a restore point in the registry of its database, where there is one. Variables: point_name, lsn, taken_at, segment,
-- covered_by, recover, run_id, tool_version.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.restore_points') IS NOT NULL AS has_registry
\gset
\if :has_registry
INSERT INTO pgmigrate.restore_points (name, lsn, taken_at, segment, covered_by, recover, run_id, tool_version)
SELECT
    NULLIF(:'point_name', ''),
    :'lsn',
    :'taken_at'::timestamptz,
    :'segment',
    :'covered_by',
    :'recover',
    :'run_id'::uuid,
    :'tool_version'
WHERE NOT EXISTS (
    SELECT 1
    FROM pgmigrate.restore_points AS p
    WHERE p.run_id = :'run_id'::uuid AND p.lsn = :'lsn'
);
\endif
