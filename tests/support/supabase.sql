-- A database as Supabase sets it up, in short: the customer's role owns schema public and is no superuser, schemas and
-- event triggers of others are there, default privileges are given to the roles of its API, tables have policies.
CREATE ROLE provider SUPERUSER LOGIN PASSWORD 'provider';
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE ROLE shop LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD 'sh0p';
GRANT anon, authenticated, service_role TO shop;
GRANT pg_monitor, pg_signal_backend, pg_read_all_data TO shop;
ALTER DATABASE :"database" OWNER TO shop;
-- Managed servers need not let everybody ask.
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system(), pg_catalog.pg_control_checkpoint() FROM PUBLIC;
SET ROLE provider;
CREATE SCHEMA extensions;
CREATE EXTENSION pg_stat_statements SCHEMA extensions;
CREATE EXTENSION pgcrypto SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT NULLIF(current_setting('request.jwt.claim.sub', true), '')::uuid
$$;
INSERT INTO auth.users (email) VALUES ('a@example.com');
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, shop;
GRANT SELECT, REFERENCES ON auth.users TO shop;
CREATE FUNCTION extensions.api_changed() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY api, 'reload schema';
END
$$;
CREATE EVENT TRIGGER api_changed ON ddl_command_end EXECUTE FUNCTION extensions.api_changed();
CREATE EVENT TRIGGER api_dropped ON sql_drop EXECUTE FUNCTION extensions.api_changed();
CREATE PUBLICATION api_realtime;
RESET ROLE;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customers FOR SELECT TO authenticated USING (auth.uid() IS NOT NULL);
