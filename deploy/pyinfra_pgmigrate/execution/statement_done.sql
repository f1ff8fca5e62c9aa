-- Notes how long a statement took. Variables: number, statement_started_at, durations.
SELECT (:'durations'::jsonb || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(
    :'number'::integer,
    pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - :'statement_started_at'::timestamptz) * 1000)
)))::text AS durations \gset
