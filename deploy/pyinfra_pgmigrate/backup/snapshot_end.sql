-- Keeps the snapshot until pg_dump has ended: its workers take it over one after the other.
\! while [ ! -s "$PGMIGRATE_WORK/dump.status" ] && kill -0 "$(cat "$PGMIGRATE_WORK/dump.shell")" 2>/dev/null; do sleep 0.1; done
ROLLBACK;
