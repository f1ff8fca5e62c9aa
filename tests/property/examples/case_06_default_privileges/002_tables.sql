-- purpose: tables
-- phase: schema

CREATE TABLE side.a (id serial);
CREATE FUNCTION side.f() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
