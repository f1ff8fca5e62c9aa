-- Builds an index without a lock that keeps a writer out. It waits for old snapshots and lockers, and
-- lock_timeout would count that too. Variables: statement.
SET lock_timeout = 0;
SELECT :'statement' \gexec
