-- Keeps the catalog as this step leaves it: drift is measured against it. Of one that was read in parts, what changed; all
-- lines follow when the step holds no lock any more (see keep_fingerprint.sql). Variables: run_id, lines_version, after,
-- reads_parts, compared_before, compared_after.
\if :reads_parts
UPDATE pgmigrate.catalogs AS c
SET
    taken_at = pg_catalog.transaction_timestamp(),
    run_id = :'run_id',
    removed = ARRAY(
        SELECT pg_catalog.unnest(c.removed)
        UNION
        SELECT d.line FROM pg_catalog.unnest(q.removed) AS d (line)
    ),
    added = ARRAY(
        SELECT l.line
        FROM (
            SELECT pg_catalog.unnest(c.added) AS line
            EXCEPT
            SELECT pg_catalog.unnest(q.removed)
            UNION
            SELECT pg_catalog.unnest(q.added)
        ) AS l
    ),
    fingerprint = NULL
FROM (
    SELECT
        ARRAY(
            SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_before')::text[])
            EXCEPT
            SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_after')::text[])
        ) AS removed,
        ARRAY(
            SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_after')::text[])
            EXCEPT
            SELECT pg_catalog.unnest(pg_catalog.current_setting(:'compared_before')::text[])
        ) AS added
) AS q
WHERE c.kind = 'last'
    AND :of_scope;
\else
INSERT INTO pgmigrate.catalogs AS c (schema_name, kind, run_id, lines_version, lines)
VALUES (:'scope', 'last', :'run_id', :'lines_version', pg_catalog.current_setting(:'after')::text[])
ON CONFLICT (schema_name, kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines_version = excluded.lines_version,
    lines = excluded.lines,
    removed = '{}',
    added = '{}',
    fingerprint = NULL;
\endif
