-- Notes how long a statement took. Variables: number, statement_started_at, timed.
-- psql puts it behind what it has: the server would read all of it again for each statement.
SELECT ',[' || :'number' || ',' || pg_catalog.round(
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() - :'statement_started_at'::timestamptz) * 1000
) || ']' AS milliseconds \gset
\set timed :timed :milliseconds
