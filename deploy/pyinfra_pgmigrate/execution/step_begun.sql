-- Notes that a statement outside a transaction begins: should it be cut off, the next run knows that it was ours.
-- Variables: version, name, checksum, begun (number), run_id, tool_version.
INSERT INTO pgmigrate.events (run_id, event, version, name, checksum, statements, tool_version)
VALUES (
    :'run_id',
    'begun',
    :'version',
    :'name',
    :'checksum',
    ARRAY[:'begun'::integer],
    :'tool_version'
);
