-- Tells where the registry says that a backup is: name of the machine, folder, and the name of this machine; null
-- where it does not say. Variables: label, host_name.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.backups') IS NOT NULL AS has_registry \gset
\set payload null
\if :has_registry
SELECT COALESCE((
    SELECT pg_catalog.json_build_array(b.host_name, b.folder, :'host_name'::text)
    FROM pgmigrate.backups AS b
    WHERE b.label = :'label'
), 'null'::json)::text AS payload \gset
\endif
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate place :payload
