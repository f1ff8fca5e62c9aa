-- Which version the registry has: 0 where there is none.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.registry') IS NOT NULL AS has_registry \gset
\set registry_version 0
\if :has_registry
SELECT max(r.version) AS registry_version FROM pgmigrate.registry AS r \gset
\endif
