-- Puts a restored database in the place of the one that is there, which is kept under another name; both
-- or neither. A rename keeps new connections waiting and wants none to be left: end_sessions.sql, started
-- from here, ends those that there are. Variables: target, kept (name for the old one), restored, properties (JSON, as
-- about.sql prints them).
SELECT COALESCE((
    SELECT d.oid::text FROM pg_catalog.pg_database AS d WHERE d.datname = :'target'
), '') AS target_oid \gset
\setenv PGMIGRATE_TARGET_OID :target_oid
SELECT :'target_oid' <> '' AS is_there \gset
BEGIN;
\if :is_there
\! sh -c "$PGMIGRATE_END" >/dev/null 2>&1 &
ALTER DATABASE :"target" RENAME TO :"kept";
\endif
ALTER DATABASE :"restored" RENAME TO :"target";
-- Until now its comment said that it is a copy, and of which run.
SELECT pg_catalog.format('COMMENT ON DATABASE %I IS %L', :'target', :'properties'::jsonb ->> 'comment')
\gexec
COMMIT;
