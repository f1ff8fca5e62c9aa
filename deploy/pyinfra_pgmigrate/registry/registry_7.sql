-- The registry, version 7: quarantines keep where sequences were. Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.quarantines
DROP CONSTRAINT quarantines_kind_check;
ALTER TABLE pgmigrate.quarantines
ADD CONSTRAINT quarantines_kind_check CHECK (kind IN (
    'table', 'column', 'row', 'name', 'reference', 'sequence'
));
COMMENT ON COLUMN pgmigrate.quarantines.kind IS 'table, column: it was dropped; row: rows that were in the way of a rule; name: what they were called; reference: what pointed at them; sequence: where sequences were that were dropped.';
COMMENT ON COLUMN pgmigrate.quarantines.row_count IS 'Rows that are in the quarantine; of a column those whose value is not its default, where no migration set others.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (7, :'tool_version');
COMMIT;
