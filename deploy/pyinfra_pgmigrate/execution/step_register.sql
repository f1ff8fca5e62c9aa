-- Writes the registry, in the transaction that did the work. Variables: version, name, checksum, checksums (JSON), phase, how,
-- event, statements (JSON), durations (JSON), row_count, tries, removed, added, carried (JSON), remade (JSON: tables, and what
-- else with its kind), backup (label or empty), is_last_step, is_whole (the step is all of its migration), is_last_of_run,
-- run_id, operator, controller, os_user, tool_version, started_at.
SELECT pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - :'started_at'::timestamptz) * 1000)::bigint
    AS duration_ms \gset
INSERT INTO pgmigrate.events (
    run_id, event, version, name, checksum, statements, duration_ms, removed, added, details, tool_version
)
VALUES (
    :'run_id',
    :'event',
    :'version',
    :'name',
    :'checksum',
    ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'statements'::jsonb)::integer),
    :'duration_ms',
    :'removed'::text[],
    :'added'::text[],
    pg_catalog.jsonb_build_object(
        'milliseconds', :'durations'::jsonb,
        'rows', :'row_count'::bigint,
        'tries', :'tries'::integer,
        'carried', :'carried'::jsonb,
        'remade', :'remade'::jsonb
    ),
    :'tool_version'
);
\if :is_last_step
\if :is_whole
SELECT
    :'removed' AS whole_removed,
    :'added' AS whole_added,
    :'duration_ms' AS whole_ms \gset
\else
-- What the earlier steps of this migration did in this run, or in one that was cut off, belongs to it.
WITH steps AS (
    SELECT
        e.id,
        e.duration_ms,
        e.removed,
        e.added
    FROM pgmigrate.events AS e
    WHERE e.version = :'version'::bigint
        AND e.checksum = :'checksum'
        AND :of_run
        AND e.event IN ('step', :'event')
        AND e.id > COALESCE((
            SELECT max(p.id)
            FROM pgmigrate.events AS p
            WHERE p.version = :'version'::bigint
                AND p.event NOT IN ('begun', 'step', 'failed')
                AND :of_run
                AND p.id < (SELECT max(l.id) FROM pgmigrate.events AS l)
        ), 0)
),
-- A line that one step takes away and another adds was there before if it went first, and is there if it came last.
whole AS (
    SELECT
        l.line,
        (pg_catalog.array_agg(l.is_added ORDER BY s.id))[1] AS came_first,
        (pg_catalog.array_agg(l.is_added ORDER BY s.id DESC))[1] AS came_last
    FROM steps AS s
    CROSS JOIN LATERAL (
        SELECT pg_catalog.unnest(s.removed) AS line, false AS is_added
        UNION ALL
        SELECT pg_catalog.unnest(s.added), true
    ) AS l
    GROUP BY l.line
)
SELECT
    ARRAY(SELECT w.line FROM whole AS w WHERE NOT w.came_first AND NOT w.came_last ORDER BY w.line)::text AS whole_removed,
    ARRAY(SELECT w.line FROM whole AS w WHERE w.came_first AND w.came_last ORDER BY w.line)::text AS whole_added,
    (SELECT COALESCE(sum(s.duration_ms), 0)::text FROM steps AS s) AS whole_ms \gset
\endif
INSERT INTO pgmigrate.migrations AS m (
    schema_name, version, name, checksum, statements, phase, how, run_id, applied_by, duration_ms, removed, added, backup,
    tool_version, lines_version
)
VALUES (
    :'scope',
    :'version',
    :'name',
    :'checksum',
    :'checksums'::jsonb,
    :'phase',
    :'how',
    :'run_id',
    SESSION_USER || ' (' || :'os_user' || '), for ' || :'operator' || '@' || :'controller',
    :'whole_ms',
    CASE WHEN :'how' <> 'adopted' THEN :'whole_removed'::text[] END,
    CASE WHEN :'how' <> 'adopted' THEN :'whole_added'::text[] END,
    NULLIF(:'backup', ''),
    :'tool_version',
    :'lines_version'
)
ON CONFLICT (schema_name, version) DO UPDATE
SET
    how = CASE WHEN :'event' = 'repaired' THEN 'repaired' ELSE m.how END,
    run_id = excluded.run_id,
    applied_at = excluded.applied_at,
    applied_by = excluded.applied_by,
    duration_ms = excluded.duration_ms,
    backup = excluded.backup,
    tool_version = excluded.tool_version;
\endif
UPDATE pgmigrate.runs AS r
SET
    seen_at = pg_catalog.clock_timestamp(),
    finished_at = CASE WHEN :'is_last_of_run'::boolean THEN pg_catalog.clock_timestamp() END
WHERE r.run_id = :'run_id'::uuid;
