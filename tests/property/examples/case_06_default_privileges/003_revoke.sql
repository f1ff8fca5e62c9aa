-- purpose: revoke
-- phase: schema

ALTER DEFAULT PRIVILEGES IN SCHEMA side REVOKE SELECT ON TABLES FROM prop_reader;
CREATE TABLE side.b (id integer);
