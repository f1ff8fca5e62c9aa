-- Holds the snapshot of a backup and starts pg_dump in it; the shell program dump.sh says how. Variables: reading_locks (see
-- reading.sql).
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '10s';
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- Before the snapshot, so that it shows all indexes that there are.
:reading_locks
SELECT pg_catalog.pg_export_snapshot() AS snapshot \gset
\setenv PGMIGRATE_SNAPSHOT :snapshot
\! sh -c "$PGMIGRATE_DUMP" >/dev/null 2>&1 & echo $! >"$PGMIGRATE_WORK/dump.shell"
