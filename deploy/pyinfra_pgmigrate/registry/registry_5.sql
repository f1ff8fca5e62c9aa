-- The registry, version 5: the catalog as the last run left it is known again without reading it. Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.catalogs
ADD COLUMN fingerprint text;
COMMENT ON COLUMN pgmigrate.catalogs.fingerprint IS 'SHA-256 of the system catalogs as they were then, and a hash of the lines; null where more steps were to come. The same fingerprint, the same lines.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (5, :'tool_version');
COMMIT;
