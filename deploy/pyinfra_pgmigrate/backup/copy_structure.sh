# Copies the structure of a database into a copy that is there and empty; of the registry the rows too.
# Arguments: connection string of the one, of the copy, the same as our own role (empty: it is the same role), name of the
# role of the copy, text of hand_over.sql, whether there is a registry (true or false). Standard input: see into.sh.
from=$1 to=$2 ours=$3 role=$4 hand_over=$5 has_registry=$6
hold
PGAPPNAME="pgmigrate $(printf %.8s "$run") structure"; export PGAPPNAME
status=0
if "${bin}pg_dump" --dbname="$from" --no-password --format=custom --schema-only --file="$work/structure" \
    >"$work/output" 2>&1 </dev/null; then
    put_in "$work/structure" "$to" "$ours" "$role" "$hand_over"
    tell_statements "$work/structure" structure
    if [ "$has_registry" = true ]; then
        {
            "${bin}pg_dump" --dbname="$from" --no-password --format=custom --data-only --schema=pgmigrate \
                --file="$work/registry" &&
                as_copy "${bin}pg_restore" --dbname="$to" --no-password "$work/registry"
        } >>"$work/output" 2>&1 </dev/null || status=$?
    fi
else
    status=$?
fi
head -c 200000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
