-- Leaves with the outcome "problems" when verify.sql, in the step's own transaction, found any.
SELECT COALESCE((pg_catalog.current_setting('pgmigrate.problems')::json ->> 'count')::bigint, 1) > 0
    AS has_problems \gset
\if :has_problems
SELECT pg_catalog.json_build_object(
    'result', 'problems',
    'verified', pg_catalog.current_setting('pgmigrate.problems')::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
ROLLBACK;
\echo ##pgmigrate outcome :payload
\quit
\endif
