-- Makes a session behave as one of the application that only reads, and sees rows by its policies.
SET row_security = on;
SET lock_timeout = '10s';
SET statement_timeout = '60s';
SET default_transaction_read_only = on;
