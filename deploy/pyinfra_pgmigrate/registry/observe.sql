-- Goes on where observe_begin.sql ended: registry, statements of the application, catalog. Variables: run_id,
-- stale_s, now (expression for the lines of the catalog: kept ones, or those in the setting pgmigrate.now), is_same
-- (they are the kept ones), has_registry, lines_version, catalog_lines_version,
-- row_lines_version (expressions).
\if :has_registry
-- Since version 2 of the registry, since version 3, and since version 8.
SELECT
    pg_catalog.to_regclass('pgmigrate.backups') IS NOT NULL AS has_backups,
    pg_catalog.to_regclass('pgmigrate.restore_points') IS NOT NULL AS has_restore_points,
    pg_catalog.to_regclass('pgmigrate.quarantines') IS NOT NULL AS has_quarantines,
    pg_catalog.to_regclass('pgmigrate.dependents') IS NOT NULL AS has_dependents \gset
\set backup null
\set restore_point null
\set quarantines '[]'
\set dependents '[]'
\set quarantined_runs '[]'
\if :has_quarantines
SELECT
    COALESCE(
        pg_catalog.json_agg(pg_catalog.json_build_object(
            'run_id', q.run_id,
            'at', pg_catalog.to_char(q.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
            'age_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - q.at)),
            'object', q.table_name || COALESCE('.' || q.column_name, ''),
            'kind', COALESCE(pg_catalog.to_jsonb(q) ->> 'kind', 'table'),
            'rows', q.row_count,
            'size_bytes', COALESCE(
                pg_catalog.pg_total_relation_size(pg_catalog.to_regclass('pgmigrate.quarantine_' || q.id)), 0
            )
        ) ORDER BY q.id) FILTER (WHERE q.row_count > 0 AND pg_catalog.to_jsonb(q) ->> 'dropped_at' IS NULL),
        '[]'::json
    )::text AS quarantines,
    COALESCE(pg_catalog.json_agg(DISTINCT q.run_id), '[]'::json)::text AS quarantined_runs
FROM pgmigrate.quarantines AS q
WHERE :of_run \gset
\endif
\if :has_backups
SELECT COALESCE((
    SELECT pg_catalog.json_build_object(
        'label', b.label,
        'taken_at', pg_catalog.to_char(b.taken_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        'age_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - b.taken_at)),
        'verification', b.verification,
        'size_bytes', b.backup_bytes,
        'host_name', b.host_name
    )
    FROM pgmigrate.backups AS b
    WHERE b.verification IN ('restore', 'read')
    ORDER BY b.taken_at DESC, b.label DESC
    LIMIT 1
)::text, 'null') AS backup \gset
\endif
\if :has_restore_points
SELECT COALESCE((
    SELECT pg_catalog.json_build_object(
        'name', COALESCE(p.name, ''),
        'lsn', p.lsn,
        'age_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - p.taken_at)),
        'covered_by', p.covered_by,
        'recover', p.recover
    )
    FROM pgmigrate.restore_points AS p
    ORDER BY p.id DESC
    LIMIT 1
)::text, 'null') AS restore_point \gset
\endif
\if :has_dependents
SELECT COALESCE(
    pg_catalog.json_agg(pg_catalog.json_build_object(
        'run_id', d.run_id,
        'at', pg_catalog.to_char(d.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
        'age_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - d.at)),
        'object', d.object,
        'kind', 'definition',
        'rows', 0,
        'size_bytes', 0
    ) ORDER BY d.id),
    '[]'::json
)::text AS dependents
FROM pgmigrate.dependents AS d
WHERE d.restored_at IS NULL
    AND d.dropped_at IS NULL
    AND :of_run \gset
\endif
-- Read with pg_catalog alone in search_path, fetched with the target schema in it: lines name relations as from there.
DECLARE pgmigrate_registry NO SCROLL CURSOR FOR
WITH now AS MATERIALIZED (
    SELECT :now AS lines
),
catalogs AS MATERIALIZED (
    SELECT
        c.kind,
        c.server_version_num,
        :kept_lines AS lines
    FROM pgmigrate.catalogs AS c
    WHERE :catalog_lines_version = :lines_version
        AND :of_scope
),
unregistered AS MATERIALIZED (
    SELECT
        e.id,
        e.version,
        e.event,
        e.checksum,
        e.statements
    FROM pgmigrate.events AS e
    WHERE :of_run
        AND e.version NOT IN (SELECT m.version FROM pgmigrate.migrations AS m WHERE :of_scope)
)
SELECT pg_catalog.json_build_object(
    'version', (SELECT max(r.version) FROM pgmigrate.registry AS r),
    'migrations', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'version', m.version,
            'name', m.name,
            'checksum', m.checksum,
            'how', m.how,
            'applied_at', pg_catalog.to_char(m.applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'applied_by', m.applied_by,
            'duration_ms', m.duration_ms,
            -- Lines in another form tell nothing.
            'removed', CASE
                WHEN :row_lines_version = :lines_version THEN m.removed
            END,
            'added', CASE
                WHEN :row_lines_version = :lines_version THEN m.added
            END,
            'backup', m.backup
        ) ORDER BY m.version)
        FROM pgmigrate.migrations AS m
        WHERE :of_scope
    ), '[]'::json),
    -- What our own runs began and did not finish, since the migration last ended or was taken back.
    'interrupted', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'version', b.version,
            'checksum', b.checksum,
            'done', b.done,
            'begun', b.begun
        ) ORDER BY b.version)
        FROM (
            SELECT
                e.version,
                e.checksum,
                COALESCE(
                    pg_catalog.jsonb_agg(DISTINCT s.number) FILTER (WHERE s.number IS NOT NULL AND e.event = 'step'), '[]'
                ) AS done,
                COALESCE(
                    pg_catalog.jsonb_agg(DISTINCT s.number) FILTER (WHERE s.number IS NOT NULL AND e.event = 'begun'), '[]'
                ) AS begun
            FROM unregistered AS e
            LEFT JOIN LATERAL pg_catalog.unnest(e.statements) AS s (number) ON true
            WHERE e.event IN ('begun', 'step')
                -- Of the newest text that was tried, after all that ended the migration or took it back.
                AND NOT EXISTS (
                    SELECT 1
                    FROM unregistered AS o
                    WHERE o.version = e.version
                        AND o.id >= e.id
                        AND (
                            o.event NOT IN ('begun', 'step', 'failed')
                            OR o.event IN ('begun', 'step')
                                AND o.checksum <> e.checksum
                        )
                )
            GROUP BY e.version, e.checksum
        ) AS b
    ), '[]'::json),
    'quarantines', (:'quarantines'::jsonb || :'dependents'::jsonb)::json,
    'quarantined_runs', :'quarantined_runs'::json,
    -- Whose the other migrations are: of schemas, or (empty) of the database.
    'others', COALESCE((
        SELECT pg_catalog.json_agg(DISTINCT COALESCE(pg_catalog.to_jsonb(m) ->> 'schema_name', ''))
        FROM pgmigrate.migrations AS m
        WHERE NOT (:of_scope)
    ), '[]'::json),
    'backups_of_others', COALESCE((
        SELECT pg_catalog.json_agg(DISTINCT m.backup)
        FROM pgmigrate.migrations AS m
        WHERE NOT (:of_scope)
            AND m.backup IS NOT NULL
    ), '[]'::json),
    -- What was there before the first migration and is not any more; null where nobody knows what was.
    'gone_since_first', (
        SELECT CASE
            WHEN EXISTS (SELECT 1 FROM catalogs AS c WHERE c.kind = 'first')
                THEN COALESCE(pg_catalog.json_agg(d.line), '[]'::json)
        END
        FROM (
            SELECT pg_catalog.unnest(c.lines) COLLATE "C" AS line
            FROM catalogs AS c
            WHERE c.kind = 'first'
            EXCEPT
            SELECT pg_catalog.unnest(n.lines) COLLATE "C"
            FROM now AS n
        ) AS d
    ),
    -- What an earlier version of the library kept cannot be compared with.
    'of_older_form', ARRAY(
        SELECT c.kind
        FROM pgmigrate.catalogs AS c
        WHERE :catalog_lines_version <> :lines_version
            AND :of_scope
        ORDER BY c.kind
    ),
    -- What others took away, as runs noted it when they began.
    'noted_gone', (
        SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.substr(d.line, 3)), '[]'::json)
        FROM pgmigrate.runs AS r
        CROSS JOIN LATERAL pg_catalog.unnest(r.drift) AS d (line)
        WHERE d.line LIKE '- %'
            AND :of_run
    ),
    'knows_last', EXISTS (SELECT 1 FROM catalogs AS c WHERE c.kind = 'last'),
    -- A view's full text differs between major versions of the server: after an upgrade it is no drift.
    'gone', (
        SELECT COALESCE(pg_catalog.json_agg(d.line), '[]'::json)
        FROM (
            SELECT pg_catalog.unnest(c.lines) COLLATE "C" AS line
            FROM catalogs AS c
            WHERE c.kind = 'last'
                -- As a rule nothing has changed, and that is seen at once.
                AND NOT :'is_same'::boolean
                AND c.lines <> (SELECT n.lines FROM now AS n)
            EXCEPT
            SELECT pg_catalog.unnest(n.lines) COLLATE "C"
            FROM now AS n
        ) AS d
        WHERE d.line !~ '^definition '
            OR (SELECT c.server_version_num / 10000 FROM catalogs AS c WHERE c.kind = 'last')
                = pg_catalog.current_setting('server_version_num')::integer / 10000
    ),
    'come', (
        SELECT COALESCE(pg_catalog.json_agg(d.line), '[]'::json)
        FROM (
            SELECT pg_catalog.unnest(n.lines) COLLATE "C" AS line
            FROM now AS n
            WHERE EXISTS (
                SELECT 1
                FROM catalogs AS c
                WHERE c.kind = 'last'
                    AND NOT :'is_same'::boolean
                    AND c.lines <> n.lines
            )
            EXCEPT
            SELECT pg_catalog.unnest(c.lines) COLLATE "C"
            FROM catalogs AS c
            WHERE c.kind = 'last'
        ) AS d
        WHERE (
                d.line !~ '^definition '
                OR (SELECT c.server_version_num / 10000 FROM catalogs AS c WHERE c.kind = 'last')
                    = pg_catalog.current_setting('server_version_num')::integer / 10000
            )
            -- A schema that an extension made, and an index of its table: no members of it, but its own.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_depend AS e
                WHERE e.deptype = 'e'
                    AND (
                        (e.classid, e.objid) = (
                            'pg_catalog.pg_namespace'::pg_catalog.regclass,
                            pg_catalog.to_regnamespace(
                                pg_catalog.substring(d.line, '^(?:(?:grant|definition) )?schema ("(?:[^"]|"")+"|[^ ]+)')
                            )
                        )
                        OR (e.classid, e.objid) = (
                            'pg_catalog.pg_class'::pg_catalog.regclass,
                            (
                                SELECT i.indrelid
                                FROM pg_catalog.pg_index AS i
                                WHERE i.indexrelid = pg_catalog.to_regclass(
                                    pg_catalog.substring(d.line, '^index ((?:"(?:[^"]|"")+"|[^ "])+) CREATE ')
                                )
                            )
                        )
                    )
            )
    ),
    -- The newest backup that was proved, if only by reading it.
    'backup', :'backup'::json,
    'restore_point', :'restore_point'::json,
    'other_run', (
        SELECT pg_catalog.json_build_object(
            'run_id', r.run_id,
            'operator', r.operator || '@' || r.controller,
            'at_work', false,
            'seen_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - r.seen_at), 1)
        )
        FROM pgmigrate.runs AS r
        WHERE r.finished_at IS NULL
            AND r.seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => :'stale_s')
            AND r.run_id <> :'run_id'::uuid
        ORDER BY r.seen_at DESC
        LIMIT 1
    )
)::text AS payload;
SET LOCAL search_path = :"schema", pg_temp;
FETCH pgmigrate_registry \gset
SET LOCAL search_path = pg_catalog, pg_temp;
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate registry :payload
\endif

-- The run lock itself, which outlives a controller that died: its holder is at work right now.
SELECT COALESCE((
    SELECT pg_catalog.json_build_object(
        'run_id', COALESCE(a.application_name, ''),
        'operator', COALESCE(a.usename, 'unknown role') || ', process ' || l.pid
            || COALESCE(', from ' || a.client_addr::text, ''),
        'at_work', true,
        'seen_s', COALESCE(pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.query_start), 1), 0)
    )
    FROM pg_catalog.pg_locks AS l
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory'
        AND l.classid = 1886414195
        AND l.objid = 1
        AND l.granted
        -- At the end of a session that changed something it is our own.
        AND l.pid <> pg_catalog.pg_backend_pid()
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    LIMIT 1
)::text, 'null') AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate at_work :payload

-- Whoever has an old snapshot keeps CREATE INDEX CONCURRENTLY waiting.
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', a.pid,
    'user', COALESCE(a.usename, 'unknown'),
    'application', COALESCE(a.application_name, ''),
    'state', COALESCE(a.state, 'unknown'),
    'transaction_s', pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)),
    'table', 'an old snapshot'
)), '[]'::json)::text AS payload
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database()
    AND a.backend_xmin IS NOT NULL
    AND a.xact_start < pg_catalog.clock_timestamp() - interval '1 s'
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.backend_type = 'client backend' \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate snapshots :payload

-- What the application upserts, where the role may see the statements of all others.
SELECT pg_catalog.set_config('pgmigrate.upserts', 'null', true);
DO $$
DECLARE
    home name;
    found text;
BEGIN
    SELECT n.nspname
    INTO home
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    -- Its view, and nobody else's of that name.
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements'
    JOIN pg_catalog.pg_depend AS d ON d.classid = c.tableoid AND d.objid = c.oid AND d.refobjid = e.oid AND d.deptype = 'e'
    WHERE e.extname = 'pg_stat_statements'
        AND pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

    IF home IS NULL THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format(
        'SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(''calls'', s.calls, ''query'', s.query)'
            ' ORDER BY s.calls DESC), ''[]''::json)::text'
        ' FROM %I.pg_stat_statements AS s'
        ' WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())'
        ' AND s.query ~* ''on\s+conflict''',
        home
    )
    INTO found;
    PERFORM pg_catalog.set_config('pgmigrate.upserts', found, true);
EXCEPTION
    WHEN OTHERS THEN
        -- Installed but not preloaded, or no right to read it: then nobody can tell.
        PERFORM pg_catalog.set_config('pgmigrate.upserts', 'null', true);
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.upserts') AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate upserts :payload

-- Encoded where it is made: to psql and back again is a long way for all lines of a large database.
SELECT pg_catalog.replace(
    pg_catalog.encode(pg_catalog.convert_to(pg_catalog.array_to_json(:now)::text, 'UTF8'), 'base64'), E'\n', ''
) AS payload \gset
\echo ##pgmigrate catalog :payload
