# Restores a dump into a copy, a database that is there and empty, or only reads all of it.
# Arguments: label, connection string of the copy (empty: read only), the same as our own role (empty: it is the same
# role), name of the role of the copy, text of hand_over.sql, which statements to tell (all, structure or none), and
# options of pg_restore. Standard input: see into.sh.
label=$1 conninfo=$2 ours=$3 role=$4 hand_over=$5 tells=$6
shift 6
hold
command -v "${bin}pg_restore" >/dev/null 2>&1 || leave 127 "there is no program ${bin}pg_restore"
PGAPPNAME="pgmigrate $(printf %.8s "$run") restore"; export PGAPPNAME
status=0
if [ -n "$conninfo" ]; then
    put_in "$folder/$label/dump" "$conninfo" "$ours" "$role" "$hand_over" "$@"
    if [ "$tells" != none ]; then tell_statements "$folder/$label/dump" "$tells"; fi
else
    "${bin}pg_restore" --file=/dev/null "$@" "$folder/$label/dump" >"$work/output" 2>&1 </dev/null || status=$?
fi
# What it complains of first is the cause.
head -c 200000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
