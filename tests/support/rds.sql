-- A server as a provider of managed databases sets it up, Amazon RDS for one: nobody but the provider is a superuser,
-- the customer's role makes roles and databases, and what the provider needs is in the customer's database.
CREATE ROLE provider SUPERUSER LOGIN PASSWORD 'provider';
CREATE ROLE provider_superuser CREATEROLE CREATEDB;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_read_all_data TO provider_superuser WITH ADMIN OPTION;
CREATE ROLE shop LOGIN CREATEROLE CREATEDB PASSWORD 'sh0p';
GRANT provider_superuser TO shop;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system(), pg_catalog.pg_control_checkpoint(),
    pg_catalog.pg_control_init(), pg_catalog.pg_control_recovery() FROM PUBLIC;
ALTER DATABASE :"database" OWNER TO shop;
SET ROLE provider;
CREATE SCHEMA provider_tools;
CREATE EXTENSION pg_stat_statements SCHEMA provider_tools;
CREATE TABLE provider_tools.heartbeat (at timestamptz PRIMARY KEY DEFAULT now());
REVOKE ALL ON SCHEMA provider_tools FROM PUBLIC;
CREATE FUNCTION provider_tools.watch() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO provider_tools.heartbeat DEFAULT VALUES ON CONFLICT DO NOTHING;
END
$$;
CREATE EVENT TRIGGER provider_watch ON ddl_command_end EXECUTE FUNCTION provider_tools.watch();
RESET ROLE;
