-- The registry, version 2: backups and quarantines. Variables: tool_version.
BEGIN;
CREATE TABLE pgmigrate.backups (
    label text PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    run_id uuid NOT NULL,
    host_name text NOT NULL,
    folder text NOT NULL,
    backup_bytes bigint NOT NULL,
    verification text NOT NULL CHECK (verification IN ('restore', 'read', 'none', 'failed')),
    verified_at timestamptz,
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.backups IS 'Backups that this tool took of this database, in the order of their labels.';
COMMENT ON COLUMN pgmigrate.backups.label IS 'Name of the folder: database, time, last migration.';
COMMENT ON COLUMN pgmigrate.backups.taken_at IS 'The moment whose rows it holds.';
COMMENT ON COLUMN pgmigrate.backups.run_id IS 'Run that took it.';
COMMENT ON COLUMN pgmigrate.backups.host_name IS 'Host name of the machine on which it was written.';
COMMENT ON COLUMN pgmigrate.backups.folder IS 'Folder there that holds the backup.';
COMMENT ON COLUMN pgmigrate.backups.backup_bytes IS 'Size of the backup in bytes.';
COMMENT ON COLUMN pgmigrate.backups.verification IS 'restore: it was restored and compared; read: read from end to end; none: not verified; failed: it did not restore.';
COMMENT ON COLUMN pgmigrate.backups.verified_at IS 'When it was verified.';
COMMENT ON COLUMN pgmigrate.backups.tool_version IS 'Version of pyinfra-pgmigrate.';

CREATE TABLE pgmigrate.quarantines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    table_name text NOT NULL,
    column_name text,
    key_columns text[] NOT NULL,
    row_count bigint,
    restored_at timestamptz
);
COMMENT ON TABLE pgmigrate.quarantines IS 'What rollbacks dropped, with its rows in the table quarantine_ID of this schema.';
COMMENT ON COLUMN pgmigrate.quarantines.id IS 'Number of the table that holds the rows.';
COMMENT ON COLUMN pgmigrate.quarantines.run_id IS 'Run that dropped it.';
COMMENT ON COLUMN pgmigrate.quarantines.at IS 'When, in the transaction that dropped it.';
COMMENT ON COLUMN pgmigrate.quarantines.table_name IS 'The table, as SQL writes it.';
COMMENT ON COLUMN pgmigrate.quarantines.column_name IS 'The column, where it is one; null for a whole table.';
COMMENT ON COLUMN pgmigrate.quarantines.key_columns IS 'Primary key of the table.';
COMMENT ON COLUMN pgmigrate.quarantines.row_count IS 'Rows that are in the quarantine; of a column those whose value is not its default.';
COMMENT ON COLUMN pgmigrate.quarantines.restored_at IS 'When its rows were put back; those that could not be are still there.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (2, :'tool_version');
COMMIT;
