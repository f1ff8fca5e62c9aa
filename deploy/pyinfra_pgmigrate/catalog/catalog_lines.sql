-- Prints the word catalog: the lines that the caller has read into pgmigrate.now. Variables: none of its own.
SELECT pg_catalog.array_to_json(pg_catalog.current_setting('pgmigrate.now')::text[])::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate catalog :payload
