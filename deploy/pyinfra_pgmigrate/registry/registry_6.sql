-- The registry, version 6: the form of catalog lines has a version, and those of another one say nothing; what begins
-- outside a transaction is an event. Variables: tool_version.
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

ALTER TABLE pgmigrate.events
DROP CONSTRAINT events_event_check;
ALTER TABLE pgmigrate.events
ADD CONSTRAINT events_event_check CHECK (event IN (
    'begun', 'step', 'applied', 'adopted', 'resumed', 'repaired', 'reverted', 'failed', 'restored'
));
COMMENT ON COLUMN pgmigrate.events.event IS 'begun: a statement outside a transaction was started; step: a part of a migration is in place; failed: a step was tried and left nothing behind; the others as in migrations.how, or reverted, restored.';
COMMENT ON COLUMN pgmigrate.events.statements IS 'Numbers of the statements that were run, or begun.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (6, :'tool_version');
COMMIT;
