# Copies the structure of a database into a copy that is there and empty; of the registry the rows too.
# Arguments: connection string of the one, of the copy, the same as our own role (empty: it is the same role), name of the
# role of the copy, text of hand_over.sql, whether there is a registry (true or false), rows of each large table that come
# too (0: no rows at all), bytes up to which a table is small and comes whole, SHA-256 of sample.sql, whether the copy's
# server can take the planner's statistics (true or false). Standard input: see into.sh, then sample.sql.
from=$1 to=$2 ours=$3 role=$4 hand_over=$5 has_registry=$6 rows=$7 bytes=$8 expected=$9 takes_statistics=${10}
hold
unsampled=

# Puts rows of the database into the copy; all that were to come, or none.
sample_rows() {
    if "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
        --field-separator="$(printf '\t')" --set=rows="$rows" --set=bytes="$bytes" --set=summary="$work/summary" \
        --dbname="$from" --file="$work/sample.sql" >"$work/rows.sql" 2>"$work/unsampled" </dev/null &&
        [ ! -s "$work/unsampled" ] && echo >>"$work/rows.sql" &&
        as_copy "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
            --single-transaction --dbname="$to" --file="$work/rows.sql" >"$work/ignored" 2>"$work/unsampled" </dev/null
    then
        say sampled "$(encoded "$work/summary")"
    else
        unsampled=1
        say unsampled "$(encoded "$work/unsampled" 2000)"
    fi
}
if [ "$rows" != 0 ]; then
    cat >"$work/sample.sql"
    found=$(sha256sum <"$work/sample.sql")
    [ "${found%% *}" = "$expected" ] || leave 65 "the script was damaged on its way"
    has_between=1
    between() { sample_rows; }
fi
# Gives the copy what the planner knows of the database: as large as that, its few rows would have other plans.
copy_statistics() {
    "${bin}pg_dump" --dbname="$from" --no-password --statistics-only --file="$work/statistics.sql" \
        >"$work/unplanned" 2>&1 </dev/null &&
        as_copy "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
            --single-transaction --dbname="$to" --file="$work/statistics.sql" >"$work/ignored" 2>"$work/unplanned" \
            </dev/null ||
        say unplanned "$(encoded "$work/unplanned" 2000)"
}
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
    if [ "$takes_statistics" = true ] && [ "$rows" != 0 ] && [ -z "$unsampled" ]; then copy_statistics; fi
else
    status=$?
fi
head -c 200000 "$work/output" >"$work/head"
say complaints "$(encoded "$work/head")"
say status "$status"
leave 0
