-- Leaves with the outcome "unexpected" when the catalog changed otherwise than the effect says. Variables: lacking,
-- foreign_lines (JSON, each line with its sign), in_transaction.
-- Outside a transaction others may change the catalog meanwhile: that is theirs, and only told.
SELECT :'lacking' <> '[]' OR (:'in_transaction'::boolean AND :'foreign_lines' <> '[]') AS differs \gset
\if :differs
SELECT pg_catalog.json_build_object(
    'result', 'unexpected',
    'lacking', :'lacking'::json,
    'foreign', :'foreign_lines'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\if :in_transaction
ROLLBACK;
\endif
\echo ##pgmigrate outcome :payload
\quit
\endif
