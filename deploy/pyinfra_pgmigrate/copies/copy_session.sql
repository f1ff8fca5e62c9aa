-- Tells who is logged in to a copy. Variables: none of its own.
SELECT pg_catalog.to_json(SESSION_USER::text)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate session :payload
