-- Ends what the statements of a step have set, for their session or their transaction, before the library goes on;
-- pinned.sql comes after it. Variables: schema.
-- What COMMIT would check and fire belongs to what the step did.
SET CONSTRAINTS ALL IMMEDIATE;
RESET SESSION AUTHORIZATION;
RESET ROLE;
SET search_path = :"schema", pg_temp;
-- What pinned.sql leaves to the role and the database, but no migration may leave to the next one.
SELECT pg_catalog.set_config(s.name, s.reset_val, false)
FROM pg_catalog.pg_settings AS s
WHERE s.source = 'session'
    AND s.setting IS DISTINCT FROM s.reset_val
    AND s.name IN (
        'default_table_access_method', 'default_tablespace', 'default_text_search_config',
        'default_toast_compression', 'event_triggers', 'session_replication_role', 'temp_tablespaces'
    );
