-- Writes the registry for the members of a group, a row and an event each, in the transaction that did the work. The lines of
-- this database alone (owners, rights, comments, definitions) go to the one that deals with their object. Variables:
-- members (JSON: [{place, version, name, checksum, checksums, phase, statements, minus, plus, objects}, ...]), removed and added
-- (lines of all), tries, backup (label or empty), is_last_of_run, scope, run_id, operator, controller, os_user, tool_version,
-- lines_version. Settings: pgmigrate.timed (see group_begin.sql). Leaves payload (JSON: what each reports).
WITH members AS MATERIALIZED (
    SELECT m.place, m.version, m.name, m.checksum, m.checksums, m.phase, m.statements, m.minus, m.plus, m.objects
    FROM pg_catalog.jsonb_to_recordset(:'members'::jsonb) AS m (
        place integer, version bigint, name text, checksum text, checksums jsonb, phase text, statements jsonb,
        minus jsonb, plus jsonb, objects jsonb
    )
),
own AS MATERIALIZED (
    SELECT
        m.version,
        b.beginning,
        m.place
    FROM members AS m
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(m.objects) AS o (key)
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.split_part(o.key, ' ', 1) AS kind,
            pg_catalog.substr(o.key, pg_catalog.strpos(o.key, ' ') + 1) AS ident
    ) AS k
    CROSS JOIN LATERAL (
        SELECT o.key || ' '
        UNION ALL
        SELECT 'column ' || k.ident || '.'
        WHERE k.kind IN ('table', 'view', 'materialized_view', 'type')
        UNION ALL
        SELECT 'identity ' || k.ident || ' '
        WHERE k.kind = 'column'
        UNION ALL
        SELECT 'identity ' || k.ident || '.'
        WHERE k.kind = 'table'
    ) AS b (beginning)
),
lines AS MATERIALIZED (
    SELECT l.line, l.is_added, pg_catalog.substr(l.line, pg_catalog.strpos(l.line, ' ') + 1) AS rest
    FROM (
        SELECT pg_catalog.unnest(:'removed'::text[]) AS line, false AS is_added
        UNION ALL
        SELECT pg_catalog.unnest(:'added'::text[]), true
    ) AS l
    WHERE l.line ~ '^(owner|grant|comment|definition) '
),
changed AS MATERIALIZED (
    -- The object itself rather than what it is a part of.
    (
        SELECT DISTINCT ON (l.line, l.is_added)
            o.version,
            l.line,
            l.is_added
        FROM lines AS l
        -- Each beginning ends at a space or a dot.
        CROSS JOIN LATERAL pg_catalog.generate_series(1, pg_catalog.length(l.rest)) AS i (place)
        JOIN own AS o ON o.beginning = pg_catalog.substr(l.rest, 1, i.place)
        ORDER BY
            l.line,
            l.is_added,
            pg_catalog.length(o.beginning) DESC,
            o.place DESC
    )
    UNION ALL
    SELECT m.version, l.line, false
    FROM members AS m
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(m.minus) AS l (line)
    UNION ALL
    SELECT m.version, l.line, true
    FROM members AS m
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(m.plus) AS l (line)
),
whole AS MATERIALIZED (
    SELECT
        c.version,
        pg_catalog.array_agg(c.line ORDER BY c.line COLLATE "C") FILTER (WHERE NOT c.is_added) AS removed,
        pg_catalog.array_agg(c.line ORDER BY c.line COLLATE "C") FILTER (WHERE c.is_added) AS added
    FROM changed AS c
    GROUP BY c.version
),
moments AS MATERIALIZED (
    SELECT
        (t.value ->> 0)::integer AS place,
        (t.value ->> 1)::integer AS number,
        t.position,
        1000 * (
            lead((t.value ->> 2)::double precision) OVER (ORDER BY t.position) - (t.value ->> 2)::double precision
        ) AS milliseconds
    FROM pg_catalog.jsonb_array_elements(
        ('[' || pg_catalog.substr(pg_catalog.current_setting('pgmigrate.timed'), 2) || ']')::jsonb
    ) WITH ORDINALITY AS t (value, position)
),
durations AS MATERIALIZED (
    SELECT
        t.place,
        pg_catalog.round(sum(t.milliseconds))::bigint AS whole,
        pg_catalog.jsonb_agg(
            pg_catalog.jsonb_build_array(t.number, pg_catalog.round(t.milliseconds)::bigint) ORDER BY t.position
        ) AS each
    FROM moments AS t
    WHERE t.number > 0
    GROUP BY t.place
),
done AS MATERIALIZED (
    SELECT
        m.*,
        COALESCE(w.removed, '{}') AS removed,
        COALESCE(w.added, '{}') AS added,
        GREATEST(COALESCE(d.whole, 0), 0) AS duration_ms,
        COALESCE(d.each, '[]') AS durations
    FROM members AS m
    LEFT JOIN whole AS w ON w.version = m.version
    LEFT JOIN durations AS d ON d.place = m.place
),
events AS (
    INSERT INTO pgmigrate.events (
        run_id, event, version, name, checksum, statements, duration_ms, removed, added, details, tool_version
    )
    SELECT
        :'run_id',
        'applied',
        d.version,
        d.name,
        d.checksum,
        ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.statements)::integer),
        d.duration_ms,
        d.removed,
        d.added,
        pg_catalog.jsonb_build_object(
            'milliseconds', d.durations,
            'rows', 0,
            'tries', :'tries'::integer,
            'carried', '[]'::jsonb,
            'remade', '[]'::jsonb
        ),
        :'tool_version'
    FROM done AS d
    ORDER BY d.place
),
migrations AS (
    INSERT INTO pgmigrate.migrations (
        schema_name, version, name, checksum, statements, phase, how, run_id, applied_by, duration_ms, removed, added,
        backup, tool_version, lines_version
    )
    SELECT
        :'scope',
        d.version,
        d.name,
        d.checksum,
        d.checksums,
        d.phase,
        'applied',
        :'run_id',
        SESSION_USER || ' (' || :'os_user' || '), for ' || :'operator' || '@' || :'controller',
        d.duration_ms,
        d.removed,
        d.added,
        NULLIF(:'backup', ''),
        :'tool_version',
        :'lines_version'
    FROM done AS d
    ORDER BY d.place
),
runs AS (
    UPDATE pgmigrate.runs AS r
    SET
        seen_at = pg_catalog.clock_timestamp(),
        finished_at = CASE WHEN :'is_last_of_run'::boolean THEN pg_catalog.clock_timestamp() END
    WHERE r.run_id = :'run_id'::uuid
)
SELECT pg_catalog.json_agg(
    pg_catalog.json_build_object(
        'result', 'done',
        'place', d.place,
        'version', d.version,
        'duration_ms', d.duration_ms,
        'durations', d.durations,
        'removed', pg_catalog.array_to_json(d.removed),
        'added', pg_catalog.array_to_json(d.added)
    )
    ORDER BY d.place
)::text AS payload
FROM done AS d \gset
EXECUTE pgmigrate_encode(:'payload') \gset
