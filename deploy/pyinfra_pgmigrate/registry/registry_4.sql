-- The registry, version 4: what queries of the application cost. Variables: tool_version.
BEGIN;
CREATE TABLE pgmigrate.measurements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    moment text NOT NULL CHECK (moment IN ('before', 'after')),
    query text NOT NULL,
    checksum text NOT NULL,
    parameters text[] NOT NULL,
    buffers bigint NOT NULL CHECK (buffers >= 0),
    heap_fetches bigint NOT NULL CHECK (heap_fetches >= 0),
    row_count bigint NOT NULL CHECK (row_count >= 0),
    duration_ms double precision NOT NULL CHECK (duration_ms >= 0),
    plan jsonb NOT NULL,
    tables jsonb NOT NULL,
    version bigint,
    tool_version text NOT NULL
);
CREATE INDEX measurements_query ON pgmigrate.measurements (query, checksum, id);
COMMENT ON TABLE pgmigrate.measurements IS 'What the queries of sql/queries cost, before and after migrations. Later measurements are compared with the first row of the same query and checksum.';
COMMENT ON COLUMN pgmigrate.measurements.id IS 'Order of the measurements.';
COMMENT ON COLUMN pgmigrate.measurements.run_id IS 'Run that measured.';
COMMENT ON COLUMN pgmigrate.measurements.at IS 'When it was kept.';
COMMENT ON COLUMN pgmigrate.measurements.moment IS 'before: before the first migration of the run; after: when it was done.';
COMMENT ON COLUMN pgmigrate.measurements.query IS 'File name without .sql.';
COMMENT ON COLUMN pgmigrate.measurements.checksum IS 'SHA-256 of the file''s tokens; another text starts over.';
COMMENT ON COLUMN pgmigrate.measurements.parameters IS 'Values of $1, $2 and so on, as text; later measurements take those of the first one.';
COMMENT ON COLUMN pgmigrate.measurements.buffers IS 'Shared buffers that its execution read, from memory or not; without planning.';
COMMENT ON COLUMN pgmigrate.measurements.heap_fetches IS 'Rows that index-only scans looked up in the table, as no VACUUM had seen them since they were written.';
COMMENT ON COLUMN pgmigrate.measurements.row_count IS 'Rows that it returned.';
COMMENT ON COLUMN pgmigrate.measurements.duration_ms IS 'Milliseconds of its execution, everything in memory.';
COMMENT ON COLUMN pgmigrate.measurements.plan IS 'Nodes of its plan, in order: kind, table, index.';
COMMENT ON COLUMN pgmigrate.measurements.tables IS 'Tables in its plan: name, pages, valid indexes.';
COMMENT ON COLUMN pgmigrate.measurements.version IS 'Newest migration that held then; null before the first.';
COMMENT ON COLUMN pgmigrate.measurements.tool_version IS 'Version of pyinfra-pgmigrate.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (4, :'tool_version');
COMMIT;
