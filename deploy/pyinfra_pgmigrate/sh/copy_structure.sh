# Copies the structure of a database into one that is there and empty; of the registry the rows too.
# Arguments: connection string of the one, of the other, whether there is a registry (true or false).
from=$1 to=$2 has_registry=$3
hold
PGAPPNAME="pgmigrate $(printf %.8s "$run") structure"; export PGAPPNAME
status=0
{
    "${bin}pg_dump" --dbname="$from" --no-password --format=custom --schema-only --file="$work/structure" &&
        { "${bin}pg_restore" --dbname="$to" --no-password --no-subscriptions "$work/structure" || status=$?; } &&
        if [ "$has_registry" = true ]; then
            "${bin}pg_dump" --dbname="$from" --no-password --format=custom --data-only --schema=pgmigrate \
                --file="$work/registry" &&
                { "${bin}pg_restore" --dbname="$to" --no-password "$work/registry" || status=$?; }
        fi
} >"$work/output" 2>&1 </dev/null || status=$?
head -c 200000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
