-- purpose: make a function that keeps its search_path
-- phase: schema

CREATE FUNCTION taken() RETURNS integer LANGUAGE sql RETURN 1;
SET LOCAL search_path = public;
ALTER FUNCTION taken() SET search_path FROM CURRENT;
