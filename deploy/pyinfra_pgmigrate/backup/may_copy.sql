-- Tells whether this role may make databases. Changes nothing. Prints the word may_copy: role, and whether it may.
SELECT pg_catalog.json_build_array(CURRENT_USER, r.rolsuper OR r.rolcreatedb)::text AS payload
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = CURRENT_USER \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate may_copy :payload
