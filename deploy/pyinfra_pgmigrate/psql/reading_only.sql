-- For a session that only reads, each statement in a transaction of its own: no snapshot is held for long. Waits
-- for no lock for long, and gives up on a table that takes an hour.
SET default_transaction_read_only = on;
SET lock_timeout = '10s';
SET statement_timeout = '1h';
