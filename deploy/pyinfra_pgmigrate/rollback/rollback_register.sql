-- Takes reverted migrations out of the registry, in the transaction that did it. Variables: reverted (JSON:
-- [[version, name, checksum], ...]), name, durations (JSON), tries, removed, added, allowed (lines of what others
-- built, which went too), run_id, tool_version, started_at.
SELECT pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - :'started_at'::timestamptz) * 1000)::bigint
    AS duration_ms \gset
INSERT INTO pgmigrate.events (
    run_id, event, version, name, checksum, duration_ms, removed, added, details, tool_version
)
SELECT
    :'run_id',
    'reverted',
    (m.value ->> 0)::bigint,
    m.value ->> 1,
    m.value ->> 2,
    :'duration_ms',
    :'removed'::text[],
    :'added'::text[],
    pg_catalog.jsonb_build_object(
        'script', :'name', 'backup', :'backup', 'milliseconds', :'durations'::jsonb, 'tries', :'tries'::integer
    ),
    :'tool_version'
FROM pg_catalog.jsonb_array_elements(:'reverted'::jsonb) AS m;
DELETE FROM pgmigrate.migrations AS m
WHERE m.version IN (
    SELECT (r.value ->> 0)::bigint
    FROM pg_catalog.jsonb_array_elements(:'reverted'::jsonb) AS r
)
    AND :of_scope;
-- What migrations had found in place and taken over has gone with them: nobody misses it as there before.
UPDATE pgmigrate.catalogs AS c
SET lines = ARRAY(
    SELECT l.line
    FROM pg_catalog.unnest(c.lines) AS l (line)
    WHERE l.line <> ALL (:'removed'::text[])
        AND NOT :'allowed'::jsonb ? l.line
    ORDER BY l.line COLLATE "C"
)
WHERE c.kind = 'first'
    AND :of_scope;
UPDATE pgmigrate.runs AS r
SET
    seen_at = pg_catalog.clock_timestamp(),
    finished_at = pg_catalog.clock_timestamp()
WHERE r.run_id = :'run_id'::uuid;
