# Compares the rows of tables in two databases by their keys. Changes nothing.
# Arguments: connection string of the one, of the other, SHA-256 of the script, how many keys to name of each kind.
# Standard input: the password for the one (empty: the same as for the other), then the script that prints them, see
# rows.sql.
before=$1 now=$2 expected=$3 most=$4
IFS= read -r before_password
hold
cat >"$work/script.sql"
found=$(sha256sum <"$work/script.sql")
[ "${found%% *}" = "$expected" ] || leave 65 "the script was damaged on its way"
tab=$(printf '\t')

# Writes the keys and hashes of one database into a file, sorted. Arguments: connection string, file, password.
rows() {
    status=0
    PGPASSWORD=${3:-${PGPASSWORD:-}} \
    "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
        --dbname="$1" --file="$work/script.sql" >"$work/output" 2>"$work/errors" </dev/null || status=$?
    [ "$status" = 0 ] || leave "$status" "$(tail -n 5 "$work/errors")"
    # psql ends with status 0 where it cannot write what it prints.
    if grep -q 'could not print' "$work/errors"; then leave 74 "$(tail -n 5 "$work/errors")"; fi
    sort -t "$tab" -k 1,1 -T "$work" -o "$2" "$work/output" 2>"$work/errors" || leave 74 "$(tail -n 5 "$work/errors")"
}
rows "$before" "$work/before" "$before_password"
rows "$now" "$work/now"
join -t "$tab" -a 1 -a 2 -e '' -o 0,1.2,2.2 "$work/before" "$work/now" | awk -F "$tab" -v most="$most" '
    $2 != $3 {
        number = substr($1, 1, index($1, ":") - 1)
        place = number "\t" ($2 == "" ? "inserted" : $3 == "" ? "deleted" : "changed")
        count[place]++
        if (count[place] <= most) keys[place] = keys[place] "\t" substr($1, index($1, ":") + 1)
    }
    END { for (place in count) print place "\t" count[place] keys[place] }
' >"$work/rows" 2>"$work/errors" || leave 74 "$(tail -n 5 "$work/errors")"
say rows "$(encoded "$work/rows")"
leave 0
