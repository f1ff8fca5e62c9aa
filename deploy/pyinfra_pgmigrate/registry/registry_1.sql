-- The registry, version 1. Runs inside the session that needs it first. Variables: tool_version.
BEGIN;
CREATE SCHEMA pgmigrate;
COMMENT ON SCHEMA pgmigrate IS 'Registry of pyinfra-pgmigrate: which migrations hold here, and what was done.';

CREATE TABLE pgmigrate.registry (
    version integer PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.registry IS 'Versions that the structure of this schema went through; the highest holds.';
COMMENT ON COLUMN pgmigrate.registry.version IS 'Version of the structure of this schema.';
COMMENT ON COLUMN pgmigrate.registry.installed_at IS 'When the structure came to this version.';
COMMENT ON COLUMN pgmigrate.registry.tool_version IS 'Version of pyinfra-pgmigrate that made it so.';

CREATE TABLE pgmigrate.runs (
    run_id uuid PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    operator text NOT NULL,
    controller text NOT NULL,
    inventory_host text NOT NULL,
    os_user text NOT NULL,
    host_name text NOT NULL,
    role name NOT NULL DEFAULT SESSION_USER,
    drift text[],
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.runs IS 'Runs that wrote to this database. One that has not finished and was seen less than pg_run_stale_s ago keeps others waiting.';
COMMENT ON COLUMN pgmigrate.runs.run_id IS 'Chosen by the controller, one for each start of the program.';
COMMENT ON COLUMN pgmigrate.runs.started_at IS 'When the run first took the run lock here.';
COMMENT ON COLUMN pgmigrate.runs.seen_at IS 'When the run last took the run lock or finished a step here.';
COMMENT ON COLUMN pgmigrate.runs.finished_at IS 'When the run had nothing more to do here, or gave up; null while it is under way or if it was killed.';
COMMENT ON COLUMN pgmigrate.runs.operator IS 'Operating-system user on the controller.';
COMMENT ON COLUMN pgmigrate.runs.controller IS 'Host name of the controller.';
COMMENT ON COLUMN pgmigrate.runs.inventory_host IS 'Name of this host in the inventory of the run.';
COMMENT ON COLUMN pgmigrate.runs.os_user IS 'Operating-system user that ran psql on the host.';
COMMENT ON COLUMN pgmigrate.runs.host_name IS 'Host name of the machine on which psql ran.';
COMMENT ON COLUMN pgmigrate.runs.role IS 'Database role that connected.';
COMMENT ON COLUMN pgmigrate.runs.drift IS 'What had changed in the catalog since the run before it, outside migrations: lines with - or + in front.';
COMMENT ON COLUMN pgmigrate.runs.tool_version IS 'Version of pyinfra-pgmigrate.';

CREATE TABLE pgmigrate.migrations (
    version bigint PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    statements jsonb NOT NULL,
    phase text NOT NULL,
    how text NOT NULL CHECK (how IN ('applied', 'adopted', 'resumed', 'repaired')),
    run_id uuid NOT NULL REFERENCES pgmigrate.runs (run_id),
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    applied_by text NOT NULL,
    duration_ms bigint NOT NULL CHECK (duration_ms >= 0),
    removed text[],
    added text[],
    backup text,
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.migrations IS 'Migrations that hold in this database: one row each.';
COMMENT ON COLUMN pgmigrate.migrations.version IS 'Number of the migration.';
COMMENT ON COLUMN pgmigrate.migrations.name IS 'File name without .sql.';
COMMENT ON COLUMN pgmigrate.migrations.checksum IS 'SHA-256 of the file''s tokens; comments and white space do not count.';
COMMENT ON COLUMN pgmigrate.migrations.statements IS 'Checksum of each statement, in order.';
COMMENT ON COLUMN pgmigrate.migrations.phase IS 'Phase that the file''s header names.';
COMMENT ON COLUMN pgmigrate.migrations.how IS 'applied: all of it was run; adopted: found in place, nothing was run; resumed: the missing statements were run; repaired: put back after drift.';
COMMENT ON COLUMN pgmigrate.migrations.run_id IS 'Run that made it hold.';
COMMENT ON COLUMN pgmigrate.migrations.applied_at IS 'When it came to hold.';
COMMENT ON COLUMN pgmigrate.migrations.applied_by IS 'Database role, operating-system user and controller.';
COMMENT ON COLUMN pgmigrate.migrations.duration_ms IS 'Milliseconds that its steps took, waiting for locks included.';
COMMENT ON COLUMN pgmigrate.migrations.removed IS 'Catalog lines that really went, on this database; null where it was adopted.';
COMMENT ON COLUMN pgmigrate.migrations.added IS 'Catalog lines that really came, on this database; null where it was adopted.';
COMMENT ON COLUMN pgmigrate.migrations.backup IS 'Label of the backup taken before it, if any.';
COMMENT ON COLUMN pgmigrate.migrations.tool_version IS 'Version of pyinfra-pgmigrate.';

CREATE TABLE pgmigrate.events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    run_id uuid NOT NULL,
    event text NOT NULL CHECK (event IN (
        'step', 'applied', 'adopted', 'resumed', 'repaired', 'reverted', 'failed', 'restored'
    )),
    version bigint,
    name text,
    checksum text,
    statements integer[] NOT NULL DEFAULT '{}',
    duration_ms bigint,
    removed text[],
    added text[],
    details jsonb NOT NULL DEFAULT '{}',
    role name NOT NULL DEFAULT SESSION_USER,
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.events IS 'History: what was done here, never changed or deleted.';
COMMENT ON COLUMN pgmigrate.events.id IS 'Order of the events.';
COMMENT ON COLUMN pgmigrate.events.at IS 'When it was written, in the transaction that did it.';
COMMENT ON COLUMN pgmigrate.events.run_id IS 'Run that did it.';
COMMENT ON COLUMN pgmigrate.events.event IS 'step: a part of a migration is in place; failed: a step was tried and left nothing behind; the others as in migrations.how, or reverted, restored.';
COMMENT ON COLUMN pgmigrate.events.version IS 'Number of the migration.';
COMMENT ON COLUMN pgmigrate.events.name IS 'Name of the migration.';
COMMENT ON COLUMN pgmigrate.events.checksum IS 'Checksum of its file.';
COMMENT ON COLUMN pgmigrate.events.statements IS 'Numbers of the statements that were run.';
COMMENT ON COLUMN pgmigrate.events.duration_ms IS 'Milliseconds that the step took.';
COMMENT ON COLUMN pgmigrate.events.removed IS 'Catalog lines that went.';
COMMENT ON COLUMN pgmigrate.events.added IS 'Catalog lines that came.';
COMMENT ON COLUMN pgmigrate.events.details IS 'Milliseconds by statement, rows changed in batches, number of tries; for a failure SQLSTATE and message.';
COMMENT ON COLUMN pgmigrate.events.role IS 'Database role that connected.';
COMMENT ON COLUMN pgmigrate.events.tool_version IS 'Version of pyinfra-pgmigrate.';

CREATE TABLE pgmigrate.catalogs (
    kind text PRIMARY KEY CHECK (kind IN ('first', 'last')),
    taken_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    run_id uuid NOT NULL,
    server_version_num integer NOT NULL DEFAULT pg_catalog.current_setting('server_version_num')::integer,
    lines text[] NOT NULL
);
COMMENT ON TABLE pgmigrate.catalogs IS 'The catalog of this database, as lines, at two moments.';
COMMENT ON COLUMN pgmigrate.catalogs.kind IS 'first: before the first migration; last: after the last step. Drift is measured against last.';
COMMENT ON COLUMN pgmigrate.catalogs.taken_at IS 'When it was read.';
COMMENT ON COLUMN pgmigrate.catalogs.run_id IS 'Run that read it.';
COMMENT ON COLUMN pgmigrate.catalogs.server_version_num IS 'Version of the server that printed the lines.';
COMMENT ON COLUMN pgmigrate.catalogs.lines IS 'One line a fact, sorted by byte value.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (1, :'tool_version');
COMMIT;
