-- Notes which tables the session holds locked, how large they are and where they are stored. Variables:
-- number (of the statement before; 0: none yet), locks (JSON: [[mode, table with its schema], ...] that the
-- effects predict), traces (JSON, so far), in_schema.
SELECT (:'traces'::jsonb || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(
    :'number'::integer,
    COALESCE((
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            pg_catalog.regexp_replace(c.oid::pg_catalog.regclass::text, :'in_schema', ''),
            h.mode,
            pg_catalog.pg_relation_filenode(c.oid)::bigint,
            pg_catalog.pg_total_relation_size(c.oid)
        ))
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
            SELECT l.mode
            FROM pg_catalog.pg_locks AS l
            WHERE l.relation = c.oid
                AND l.locktype = 'relation'
                AND l.pid = pg_catalog.pg_backend_pid()
                AND l.granted
            ORDER BY pg_catalog.array_position(
                ARRAY[
                    'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                    'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
                ],
                l.mode
            ) DESC
            LIMIT 1
        ) AS h ON true
        WHERE c.relkind IN ('r', 'p', 'm')
            AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
            AND (
                c.oid IN (
                    SELECT l.relation
                    FROM pg_catalog.pg_locks AS l
                    WHERE l.locktype = 'relation'
                        AND l.pid = pg_catalog.pg_backend_pid()
                        AND l.mode <> 'AccessShareLock'
                )
                OR c.oid IN (
                    SELECT pg_catalog.to_regclass(w.value ->> 1)
                    FROM pg_catalog.jsonb_array_elements(:'locks'::jsonb) AS w
                )
            )
    ), '[]'::jsonb)
)))::text AS traces \gset
