-- Makes the session after statements of others what it was before them, so that what they set has no effect on what
-- is read and written from here on: role, settings, and, after this, those of pinned.sql. Variables: schema,
-- lock_timeout_ms (of the transaction, where there is one).
SET search_path = pg_catalog, pg_temp;
RESET SESSION AUTHORIZATION;
RESET ROLE;
SELECT pg_catalog.set_config(s.name, s.reset_val, false)
FROM pg_catalog.pg_settings AS s
WHERE s.source = 'session'
    AND s.context IN ('user', 'superuser')
    AND s.name NOT IN (
        'application_name', 'client_encoding', 'client_connection_check_interval', 'plan_cache_mode', 'search_path'
    )
    AND s.name !~ '^transaction_(isolation|read_only|deferrable)$';
SET client_encoding = 'UTF8';
