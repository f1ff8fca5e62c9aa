-- Notes that a statement outside a transaction begins: should it be cut off, the next run knows that it was ours.
-- Variables: version, name, checksum, begun (JSON), run_id, tool_version.
INSERT INTO pgmigrate.events (run_id, event, version, name, checksum, details, tool_version)
VALUES (
    :'run_id',
    'step',
    :'version',
    :'name',
    :'checksum',
    pg_catalog.jsonb_build_object('begun', :'begun'::jsonb),
    :'tool_version'
);
