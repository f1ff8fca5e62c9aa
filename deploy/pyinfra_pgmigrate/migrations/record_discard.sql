-- For psycopg: what DISCARD ALL does, but for prepared statements and plans.
CLOSE ALL;
RESET SESSION AUTHORIZATION;
RESET ALL;
UNLISTEN *;
SELECT pg_catalog.pg_advisory_unlock_all();
DISCARD TEMP;
DISCARD SEQUENCES;
