# Swaps two databases by name. Arguments: connection string of a third, name of the database that goes,
# SHA-256 of the script, text of end_sessions.sql. Standard input: the script.
conninfo=$1 target=$2 expected=$3
hold
cat >"$work/script.sql"
found=$(sha256sum <"$work/script.sql")
[ "${found%% *}" = "$expected" ] || leave 65 "the script was damaged on its way"
printf '%s' "$4" >"$work/end.sql"
# psql starts it, in the transaction that holds the name.
PGMIGRATE_END='
"$PGMIGRATE_BIN"psql --no-psqlrc --quiet --no-password --set=oid="$PGMIGRATE_TARGET_OID" --set=name="$PGMIGRATE_TARGET" \
    --dbname="$PGMIGRATE_CONNINFO" --file="$PGMIGRATE_WORK/end.sql"'
PGMIGRATE_BIN=$bin PGMIGRATE_CONNINFO=$conninfo PGMIGRATE_WORK=$work PGMIGRATE_TARGET=$target
export PGMIGRATE_END PGMIGRATE_BIN PGMIGRATE_CONNINFO PGMIGRATE_WORK PGMIGRATE_TARGET
status=0
"${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
    --dbname="$conninfo" --file="$work/script.sql" >"$work/output" 2>"$work/errors" </dev/null || status=$?
[ "$status" = 0 ] || leave "$status" "$(tail -n 8 "$work/errors")"
leave 0
