-- The registry, version 3: rows and objects that a rollback moved out of the way. Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.quarantines
ADD COLUMN kind text CHECK (kind IN ('table', 'column', 'row', 'name', 'reference')),
ADD COLUMN rules jsonb,
ADD COLUMN dropped_at timestamptz;
UPDATE pgmigrate.quarantines AS q
SET kind = CASE WHEN q.column_name IS NULL THEN 'table' ELSE 'column' END;
ALTER TABLE pgmigrate.quarantines
ALTER COLUMN kind SET NOT NULL;
COMMENT ON COLUMN pgmigrate.quarantines.kind IS 'table, column: it was dropped; row: rows that were in the way of a rule; name: what they were called; reference: what pointed at them.';
COMMENT ON COLUMN pgmigrate.quarantines.rules IS 'The unique rules, by table and columns, that have to go before they are put back.';
COMMENT ON COLUMN pgmigrate.quarantines.dropped_at IS 'When somebody threw it away (pg_quarantine_drop).';

CREATE TABLE pgmigrate.dependents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    object text NOT NULL,
    statements text[] NOT NULL,
    lines text[] NOT NULL DEFAULT '{}',
    restored_at timestamptz,
    dropped_at timestamptz
);
COMMENT ON TABLE pgmigrate.dependents IS 'What others had built on what a rollback dropped, in the order in which it is made again.';
COMMENT ON COLUMN pgmigrate.dependents.id IS 'Order.';
COMMENT ON COLUMN pgmigrate.dependents.run_id IS 'Run that dropped it.';
COMMENT ON COLUMN pgmigrate.dependents.at IS 'When, in the transaction that dropped it.';
COMMENT ON COLUMN pgmigrate.dependents.object IS 'What it is.';
COMMENT ON COLUMN pgmigrate.dependents.statements IS 'The statements that make it again, owner, grants and comments included.';
COMMENT ON COLUMN pgmigrate.dependents.lines IS 'Catalog lines that went with it.';
COMMENT ON COLUMN pgmigrate.dependents.restored_at IS 'When it was made again.';
COMMENT ON COLUMN pgmigrate.dependents.dropped_at IS 'When somebody threw it away (pg_quarantine_drop).';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (3, :'tool_version');
COMMIT;
