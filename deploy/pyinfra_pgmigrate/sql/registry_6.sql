-- The registry, version 6: the form of catalog lines has a version; those of another one say nothing. Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.catalogs
ADD COLUMN lines_version integer NOT NULL DEFAULT 1;
ALTER TABLE pgmigrate.catalogs
ALTER COLUMN lines_version DROP DEFAULT;
ALTER TABLE pgmigrate.migrations
ADD COLUMN lines_version integer NOT NULL DEFAULT 1;
ALTER TABLE pgmigrate.migrations
ALTER COLUMN lines_version DROP DEFAULT;
COMMENT ON COLUMN pgmigrate.catalogs.lines_version IS 'Version of the form in which the lines are written.';
COMMENT ON COLUMN pgmigrate.migrations.lines_version IS 'Version of the form in which removed and added are written.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (6, :'tool_version');
COMMIT;
