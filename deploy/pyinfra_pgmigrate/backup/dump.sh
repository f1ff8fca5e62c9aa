# Dumps a database into a folder LABEL.partial. psql holds the snapshot and counts and hashes all rows in
# it while pg_dump, started from there, dumps the same snapshot.
# Arguments: label, connection string, jobs, compression, SHA-256 of the script. Standard input: the script.
label=$1 conninfo=$2 jobs=$3 compression=$4 expected=$5
check_label "$label"
hold
partial=$folder/$label.partial

# Removes what there is of the backup and leaves a note in its place.
fail() {
    rm -rf "$partial"
    note=$folder/$label.failed
    rm -rf "$note"
    { date -u +%Y-%m-%dT%H:%M:%SZ; printf '%s\n' "$2"; } 2>/dev/null >"$note"
    leave "$1" "$2"
}

cat >"$work/script.sql"
found=$(sha256sum <"$work/script.sql")
[ "${found%% *}" = "$expected" ] || leave 65 "the script was damaged on its way"
for program in psql pg_dump; do
    command -v "$bin$program" >/dev/null 2>&1 || leave 127 "there is no program $bin$program"
done
mkdir "$partial" 2>"$work/errors" || fail 73 "$(cat "$work/errors")"

# The first compression that this pg_dump has: it says so before it tries to connect.
if [ -z "$compression" ]; then
    compression=gzip
    for method in zstd lz4; do
        case $("${bin}pg_dump" --compress="$method" --format=directory --file="$work/none" \
            --dbname="host='$work' connect_timeout=2" 2>&1) in
        *onnect*) compression=$method; break ;;
        esac
    done
fi

# Ends pg_dump where the psql that started it has ended before it, and waits until its shell has written its last.
end_dump() {
    tries=0
    while [ "$tries" -lt 50 ] && [ -s "$work/dump.shell" ] && kill -0 "$(cat "$work/dump.shell")" 2>/dev/null; do
        [ ! -s "$work/dump.pid" ] || kill "$(cat "$work/dump.pid")" 2>/dev/null
        tries=$((tries + 1))
        sleep 0.1
    done
}

# What psql starts in the background; its variables come through the environment.
PGMIGRATE_DUMP='
"$PGMIGRATE_BIN"pg_dump --dbname="$PGMIGRATE_CONNINFO" --no-password --format=directory --jobs="$PGMIGRATE_JOBS" \
    ${PGMIGRATE_COMPRESSION:+--compress="$PGMIGRATE_COMPRESSION"} --snapshot="$PGMIGRATE_SNAPSHOT" \
    --file="$PGMIGRATE_PARTIAL/dump" 2>"$PGMIGRATE_WORK/dump.errors" &
echo $! >"$PGMIGRATE_WORK/dump.pid"
wait $!
echo $? >"$PGMIGRATE_WORK/dump.status"
'
PGMIGRATE_BIN=$bin PGMIGRATE_CONNINFO=$conninfo PGMIGRATE_JOBS=$jobs PGMIGRATE_COMPRESSION=$compression
# Before version 16 there is gzip only, and it has no name.
[ "$compression" = gzip ] && PGMIGRATE_COMPRESSION=''
PGMIGRATE_PARTIAL=$partial PGMIGRATE_WORK=$work PGAPPNAME="pgmigrate $(printf %.8s "$run") dump"
export PGMIGRATE_DUMP PGMIGRATE_BIN PGMIGRATE_CONNINFO PGMIGRATE_JOBS PGMIGRATE_COMPRESSION
export PGMIGRATE_PARTIAL PGMIGRATE_WORK PGAPPNAME

status=0
"${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
    --dbname="$conninfo" --file="$work/script.sql" >"$work/output" 2>"$work/errors" </dev/null || status=$?
if [ "$status" != 0 ]; then
    end_dump
    # What pg_dump said is the cause where there is anything.
    fail "$status" "$(cat "$work/dump.errors" 2>/dev/null | tail -n 5; tail -n 5 "$work/errors")"
fi
# psql ends with status 0 where it cannot write what it prints.
echo 2>/dev/null >>"$work/output" || fail 74 "cannot write to $work: $(df -Pk "$work" 2>&1 | tail -n 1)"
dumped=$(cat "$work/dump.status" 2>/dev/null)
if [ "$dumped" != 0 ]; then
    fail 1 "pg_dump ended with status ${dumped:-unknown}: $(tail -n 5 "$work/dump.errors")"
fi

# Roles and tablespaces belong to the server; not every role may read them, fewer the passwords.
globals=none
if "${bin}pg_dumpall" --dbname="$conninfo" --no-password --globals-only >"$partial/globals.sql" 2>/dev/null; then
    globals=all
elif "${bin}pg_dumpall" --dbname="$conninfo" --no-password --globals-only --no-role-passwords \
    >"$partial/globals.sql" 2>/dev/null; then
    globals='without passwords'
else
    rm -f "$partial/globals.sql"
fi
{
    cd "$partial" &&
        find . -type f | sort >"$work/names" &&
        xargs -P "$jobs" -n 20 sha256sum -- <"$work/names" >"$work/sums" &&
        sort -k 2 "$work/sums" >files.sha256 &&
        find . -maxdepth 1 -type f -exec sync {} +
} 2>"$work/errors" || fail 74 "$(tail -n 5 "$work/errors")"
cat "$work/output"
say compression "\"$compression\""
say pg_dump "\"$("${bin}pg_dump" --version | head -n 1)\""
say globals "\"$globals\""
say files "[$(wc -l <files.sha256), $(du -sk . | cut -f 1), \"$(sha256sum files.sha256 | cut -d ' ' -f 1)\", \
$(find . -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%.0f", sum }')]"
leave 0
