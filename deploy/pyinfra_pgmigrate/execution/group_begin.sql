-- Begins the members of a group, after step_begin.sql. Variables: lock_timeout_ms. Leaves fires_events (whether event triggers
-- may run after a statement), statement_path (where statements find names) and settled (see group_settled.sql).
-- Settings: pgmigrate.timed (JSON without its first bracket: [place, number of the statement that begins or 0, seconds]).
SELECT
    pg_catalog.set_config('pgmigrate.timed', '', false),
    pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', true);
SELECT
    EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger AS e WHERE e.evtenabled <> 'D') AS fires_events,
    pg_catalog.current_setting('pgmigrate.statement_path') AS statement_path \gset
EXECUTE pgmigrate_settings \gset
\set settled :settings
