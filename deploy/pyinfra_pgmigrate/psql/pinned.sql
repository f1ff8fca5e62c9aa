-- What the text of a catalog line, or the meaning of a statement, depends on: the same for recording, running and
-- looking, whatever the role, the database or the host sets. No backslash commands: psycopg runs it as well.
SET client_min_messages = warning;
SET standard_conforming_strings = on;
SET transform_null_equals = off;
SET array_nulls = on;
SET quote_all_identifiers = off;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET xmlbinary = 'base64';
SET xmloption = 'content';
SET lc_monetary = 'C';
SET check_function_bodies = on;
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET default_transaction_deferrable = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = '60s';
-- A server with LLVM compiles every catalog query whose estimated cost passes 100,000: 0.5 s for what takes 16 ms,
-- while the step holds its locks (measured, PostgreSQL 15 and 17).
SET jit = off;
-- A policy that would hide rows from a migration is an error, not a silently smaller result.
SET row_security = off;
-- Not there before PostgreSQL 17.
SELECT pg_catalog.set_config(s.name, '0', false)
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('transaction_timeout', 'idle_session_timeout');
