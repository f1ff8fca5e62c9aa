-- How the session of a sample begins. Changes nothing.
SET search_path = pg_catalog, pg_temp;
SET client_min_messages = warning;
