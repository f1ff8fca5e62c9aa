-- What the text of a catalog line, or the meaning of a statement, depends on: the same for recording, running and
-- looking, whatever the role, the database or the host sets. One statement, as it is sent again with each step. No
-- backslash commands: psycopg runs it as well.
SELECT pg_catalog.set_config(s.name, s.value, false)
FROM (
    VALUES
        ('client_min_messages', 'warning'),
        ('standard_conforming_strings', 'on'),
        ('transform_null_equals', 'off'),
        ('array_nulls', 'on'),
        ('quote_all_identifiers', 'off'),
        ('TimeZone', 'UTC'),
        ('DateStyle', 'ISO, YMD'),
        ('IntervalStyle', 'postgres'),
        ('extra_float_digits', '1'),
        ('bytea_output', 'hex'),
        ('xmlbinary', 'base64'),
        ('xmloption', 'content'),
        ('lc_monetary', 'C'),
        ('check_function_bodies', 'on'),
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_read_only', 'off'),
        ('default_transaction_deferrable', 'off'),
        ('statement_timeout', '0'),
        ('lock_timeout', '0'),
        ('idle_in_transaction_session_timeout', '60s'),
        -- Not there before PostgreSQL 17, and 14.
        ('transaction_timeout', '0'),
        ('idle_session_timeout', '0'),
        -- A server with LLVM compiles every catalog query whose estimated cost passes 100,000: 0.5 s for what takes
        -- 16 ms, while the step holds its locks (measured, PostgreSQL 15 and 17).
        ('jit', 'off'),
        -- A policy that would hide rows from a migration is an error, not a silently smaller result.
        ('row_security', 'off')
) AS s (name, value)
WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL;
