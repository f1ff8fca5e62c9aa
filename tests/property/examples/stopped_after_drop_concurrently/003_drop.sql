-- purpose: the index goes again, and the run is stopped before it is registered
-- phase: schema

DROP INDEX CONCURRENTLY IF EXISTS note_body;
CREATE FUNCTION twice (integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 2';
