-- The tables that resolve.sql writes to, for triggers_off.sql. Variables: on_conflict (rename or quarantine).
SELECT pg_catalog.set_config('pgmigrate.relations', COALESCE((
    SELECT pg_catalog.jsonb_agg(DISTINCT h.relation::regclass::text)::text
    FROM pg_temp.pgmigrate_hanging AS h
    WHERE :'on_conflict' = 'quarantine'
        OR h.depth = 0
), '[]'), true);
