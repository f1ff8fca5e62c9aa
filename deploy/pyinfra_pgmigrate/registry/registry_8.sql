-- The registry, version 8: restore points. Variables: tool_version.
BEGIN;
CREATE TABLE pgmigrate.restore_points (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    lsn text NOT NULL,
    name text,
    taken_at timestamptz NOT NULL,
    segment text NOT NULL,
    covered_by text NOT NULL,
    recover text NOT NULL,
    tool_version text NOT NULL
);
COMMENT ON TABLE pgmigrate.restore_points IS 'Moments before migrations and rollbacks to which a physical backup leads back.';
COMMENT ON COLUMN pgmigrate.restore_points.id IS 'Order of the restore points.';
COMMENT ON COLUMN pgmigrate.restore_points.run_id IS 'Run that came after it.';
COMMENT ON COLUMN pgmigrate.restore_points.lsn IS 'Where it is in the write-ahead log.';
COMMENT ON COLUMN pgmigrate.restore_points.name IS 'Name of the restore point; null where the role may create none: then the LSN is the target.';
COMMENT ON COLUMN pgmigrate.restore_points.taken_at IS 'When it was set.';
COMMENT ON COLUMN pgmigrate.restore_points.segment IS 'Segment of the write-ahead log that holds it.';
COMMENT ON COLUMN pgmigrate.restore_points.covered_by IS 'Physical backup from which the server is recovered to it.';
COMMENT ON COLUMN pgmigrate.restore_points.recover IS 'Command that does so.';
COMMENT ON COLUMN pgmigrate.restore_points.tool_version IS 'Version of pyinfra-pgmigrate.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (8, :'tool_version');
COMMIT;
