-- Prepares pgmigrate_settings: who the session is, and a hash of what was set in it.
PREPARE pgmigrate_settings AS
SELECT pg_catalog.md5(pg_catalog.concat(SESSION_USER, ' ', CURRENT_USER, ' ', (
    SELECT pg_catalog.string_agg(s.name || '=' || s.setting, ' ' ORDER BY s.name)
    FROM pg_catalog.pg_settings AS s
    WHERE s.source = 'session'
        AND s.setting IS DISTINCT FROM s.reset_val
        AND s.name NOT IN ('application_name', 'search_path')
))) AS settings;
