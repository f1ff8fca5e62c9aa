-- Keeps the limit on waiting for locks, which pinned.sql took away. Variables: lock_timeout_ms.
SELECT pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', true);
