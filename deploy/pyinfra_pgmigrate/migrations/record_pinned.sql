-- For psycopg: takes back whatever was set in this session; pinned.sql comes after it.
RESET SESSION AUTHORIZATION;
RESET ROLE;
RESET ALL;
SET search_path = public, pg_temp;
