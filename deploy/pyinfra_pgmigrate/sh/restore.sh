# Restores a dump into a database that is there and empty, or only reads all of it.
# Arguments: label, connection string (empty: read only), jobs, and options of pg_restore.
label=$1 conninfo=$2 jobs=$3
shift 3
hold
command -v "${bin}pg_restore" >/dev/null 2>&1 || leave 127 "there is no program ${bin}pg_restore"
PGAPPNAME="pgmigrate $(printf %.8s "$run") restore"; export PGAPPNAME
status=0
if [ -n "$conninfo" ]; then
    "${bin}pg_restore" --dbname="$conninfo" --no-password --jobs="$jobs" "$@" "$folder/$label/dump" \
        >"$work/output" 2>&1 </dev/null || status=$?
else
    "${bin}pg_restore" --file=/dev/null "$@" "$folder/$label/dump" >"$work/output" 2>&1 </dev/null || status=$?
fi
# What it complains of first is the cause.
head -c 200000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
