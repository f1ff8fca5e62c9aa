-- The registry, version 10: a step writes what it changed of the catalog, and all lines follow when it holds no lock any more.
-- Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.catalogs
ADD COLUMN removed text[] NOT NULL DEFAULT '{}',
ADD COLUMN added text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN pgmigrate.catalogs.removed IS 'Lines that are not there any more since lines was written, until it is written again.';
COMMENT ON COLUMN pgmigrate.catalogs.added IS 'Lines that have come since then.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (10, :'tool_version');
COMMIT;
