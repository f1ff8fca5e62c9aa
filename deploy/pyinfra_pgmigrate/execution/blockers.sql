-- Names the sessions that keep a step waiting. Variables: in_the_way (JSON: [[table with its schema,
-- [lock modes that keep the step waiting]], ...]), in_schema.
SET lock_timeout = '5s';
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', b.pid,
    'user', b.usename,
    'application', b.application_name,
    'state', b.state,
    'transaction_s', b.age_s,
    'table', b.relation,
    'gid', b.gid,
    'database', b.datname
)), '[]'::json)::text AS blockers
FROM (
    SELECT DISTINCT ON (l.pid, x.gid)
        l.pid,
        COALESCE(a.usename, x.owner, 'unknown') AS usename,
        COALESCE(a.application_name, '') AS application_name,
        COALESCE(a.state, CASE WHEN l.pid IS NULL THEN 'prepared transaction' ELSE 'unknown' END) AS state,
        pg_catalog.round(
            EXTRACT(epoch FROM pg_catalog.clock_timestamp() - COALESCE(a.xact_start, x.prepared))
        ) AS age_s,
        pg_catalog.regexp_replace(l.relation::pg_catalog.regclass::text, :'in_schema', '') AS relation,
        x.gid,
        COALESCE(x.database, '') AS datname
    FROM pg_catalog.pg_locks AS l
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    -- A prepared transaction has no process, but the lock on its own number.
    LEFT JOIN pg_catalog.pg_locks AS o
        ON l.pid IS NULL
        AND o.pid IS NULL
        AND o.locktype = 'transactionid'
        AND o.virtualtransaction = l.virtualtransaction
    LEFT JOIN pg_catalog.pg_prepared_xacts AS x ON x.transaction = o.transactionid
    WHERE l.locktype = 'relation'
        AND l.granted
        AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
        AND EXISTS (
            SELECT 1
            FROM pg_catalog.jsonb_array_elements(:'in_the_way'::jsonb) AS t
            WHERE pg_catalog.to_regclass(t.value ->> 0) = l.relation
                AND t.value -> 1 ? l.mode
        )
    ORDER BY l.pid, x.gid, a.xact_start
) AS b \gset
EXECUTE pgmigrate_encode(:'blockers') \gset
\echo ##pgmigrate blockers :payload
