-- Reads the catalog, for the first step of a session, and leaves with the outcome "moved" when the database is not as the plan
-- found it. Variables: is_first (of this session), version, expected_checksum (empty: not registered),
-- unregistered (JSON: versions that share the transaction), present, absent, lines_version,
-- before, after (names of settings).
\if :is_first
EXECUTE pgmigrate_read(:'before', false);
\else
-- The step before has just read it. Whatever others change between the two shows as a change that the
-- effect does not promise, and the step is tried again in a session of its own.
\if :reads_parts
EXECUTE pgmigrate_joined(:'before', :'after' || '_part', :'part');
\else
SELECT
    pg_catalog.set_config(:'before', pg_catalog.current_setting(:'after'), false),
    pg_catalog.set_config(:'before' || '_identities', pg_catalog.current_setting(:'after' || '_identities'), false),
    pg_catalog.set_config(:'before' || '_homes', pg_catalog.current_setting(:'after' || '_homes'), false);
\endif
\endif
SELECT
    COALESCE((
        SELECT m.checksum
        FROM pgmigrate.migrations AS m
        WHERE m.version = :'version'::bigint
            AND :of_scope
    ), '') <> :'expected_checksum'
    OR EXISTS (
        SELECT 1
        FROM pgmigrate.migrations AS m
        WHERE m.version IN (
            SELECT u.version::bigint
            FROM pg_catalog.jsonb_array_elements_text(:'unregistered'::jsonb) AS u (version)
        )
            AND :of_scope
    )
    OR CASE
        -- Few are looked for one by one, many by hash.
        WHEN pg_catalog.jsonb_array_length(:'present'::jsonb) < 20
            THEN NOT pg_catalog.current_setting(:'before')::text[]
                @> ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'present'::jsonb))
        ELSE EXISTS (
            SELECT pg_catalog.jsonb_array_elements_text(:'present'::jsonb)
            EXCEPT
            -- Not for the planner to evaluate, which would do so each time.
            SELECT pg_catalog.unnest((SELECT pg_catalog.current_setting(:'before'))::text[])
        )
    END
    OR CASE
        WHEN pg_catalog.jsonb_array_length(:'absent'::jsonb) < 20
            THEN pg_catalog.current_setting(:'before')::text[]
                && ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'absent'::jsonb))
        ELSE EXISTS (
            SELECT pg_catalog.jsonb_array_elements_text(:'absent'::jsonb)
            INTERSECT
            -- Not for the planner to evaluate, which would do so each time.
            SELECT pg_catalog.unnest((SELECT pg_catalog.current_setting(:'before'))::text[])
        )
    END
    AS moved \gset
\if :moved
ROLLBACK;
SELECT pg_catalog.json_build_object(
    'result', 'moved'
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
\quit
\endif
-- What others changed since the last run goes down with this one: the next catalog will hold it.
UPDATE pgmigrate.runs AS r
SET drift = ARRAY(
    WITH kept AS MATERIALIZED (
        SELECT :kept_lines AS lines
        FROM pgmigrate.catalogs AS c
        WHERE c.kind = 'last'
            AND :of_scope
            AND c.lines_version = :'lines_version'::integer
    )
    SELECT '- ' || d.line
    FROM (
        SELECT pg_catalog.unnest(k.lines) AS line
        FROM kept AS k
        EXCEPT
        SELECT pg_catalog.unnest(pg_catalog.current_setting(:'before')::text[])
    ) AS d

    UNION ALL
    SELECT '+ ' || d.line
    FROM (
        SELECT pg_catalog.unnest(pg_catalog.current_setting(:'before')::text[]) AS line
        WHERE EXISTS (SELECT 1 FROM kept)
        EXCEPT
        SELECT pg_catalog.unnest(k.lines)
        FROM kept AS k
    ) AS d
)
WHERE r.run_id = :'run_id'::uuid
    AND r.drift IS NULL;
-- Before the first migration of this database, or of a version that writes the same lines: what it was.
INSERT INTO pgmigrate.catalogs AS c (schema_name, kind, run_id, lines_version, lines)
VALUES (:'scope', 'first', :'run_id', :'lines_version', pg_catalog.current_setting(:'before')::text[])
ON CONFLICT (schema_name, kind) DO UPDATE
SET
    taken_at = excluded.taken_at,
    run_id = excluded.run_id,
    server_version_num = excluded.server_version_num,
    lines_version = excluded.lines_version,
    lines = excluded.lines
WHERE c.lines_version <> excluded.lines_version;
