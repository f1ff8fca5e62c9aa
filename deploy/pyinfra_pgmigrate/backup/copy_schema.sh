# Copies a schema of one database, tables with their rows but neither indexes nor what depends on them, into
# another, all of it or nothing. Arguments: connection string of the one, of the other, name of the schema.
# Standard input: the password for the one; empty where it is the same as for the other.
from=$1 to=$2 schema=$3
IFS= read -r from_password
hold
PGAPPNAME="pgmigrate $(printf %.8s "$run") table"; export PGAPPNAME
status=0
{
    # A plain script in one transaction: psql stops at the first error, and reads a file that is whole.
    PGPASSWORD=${from_password:-${PGPASSWORD:-}} "${bin}pg_dump" --dbname="$from" --no-password --no-owner \
        --no-privileges --section=pre-data --section=data --schema="\"$schema\"" --file="$work/schema.sql" &&
        # A pg_dump that is newer than the server sets what that does not know.
        sed -i '1,40{/^SET transaction_timeout = 0;$/d}' "$work/schema.sql" &&
        "${bin}psql" --no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 --single-transaction \
            --dbname="$to" --file="$work/schema.sql" --output=/dev/null
} 2>"$work/output" </dev/null || status=$?
head -c 20000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
