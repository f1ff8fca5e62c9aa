# Begins every program of the backups. The first line of standard input is the password or empty.
# Arguments that all programs share: folder of the backups (empty: that of the user), key of the
# database (its name, made safe for file names), run id, folder of PostgreSQL's programs with a slash.
umask 077
IFS= read -r password
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
unset password
LC_ALL=C PGCLIENTENCODING=UTF8; export LC_ALL PGCLIENTENCODING
user=$(id -un)
home=$(getent passwd "$user" 2>/dev/null | cut -d : -f 6)
folder=${1:-${home:-$HOME}/pgmigrate-backups} key=$2 run=$3 bin=$4
shift 4
run_file=$folder/.$key.run
work=

# A line for the controller: a word and a JSON value.
say() { printf '##pgmigrate %s %s\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"; }

# The text of a file, or its end, as a JSON value of which the controller knows that it is base64.
encoded() { printf '"%s"' "$(tail -c "${2:-100000000}" "$1" 2>/dev/null | base64 | tr -d '\n')"; }

# Ends the program; the status is told, never returned: a command that fails would be mistaken for one
# that found nothing.
leave() {
    if [ -n "${2:-}" ]; then say problem "\"$(printf '%s' "$2" | base64 | tr -d '\n')\""; fi
    printf '##pgmigrate exit %s\n' "$1"
    exit 0
}

# Makes a private folder that goes with this program.
room() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/pgmigrate.XXXXXXXXXX") || leave 73 "cannot write to ${TMPDIR:-/tmp}"
    trap 'rm -rf "$work"' EXIT
}

# Takes the lock that lasts as long as a process of this program; whoever comes after a killed run can
# tell by it that something is still at work, and by the process group what. Only a run that has claimed
# the place may do that.
hold() {
    exec 9>"$folder/.$key.lock" || leave 73 "cannot write to $folder"
    flock --wait 5 9 || leave 75 "another command of this tool is at work on $folder/$key"
    read -r claimed _ 2>/dev/null <"$run_file"
    [ "${claimed:-}" = "$run" ] || leave 75 "another run has claimed $folder/$key"
    room
    printf '%s %s %s\n' "$run" "$$" "$work" >"$run_file"
}

# Ends what a run left at work and removes what it left behind, as the run file tells. Argument: the run.
sweep() {
    read -r _ group left <"$run_file"
    exec 9>"$folder/.$key.lock"
    if ! flock --nonblock 9; then
        # Nobody else writes the run file while the lock is held: the group is that of whoever holds it.
        [ -n "$group" ] && [ "$group" != - ] && kill -KILL -- "-$group" 2>/dev/null
        flock --wait 20 9 || leave 75 "a command of run $1 is still at work"
    fi
    case $left in
    */pgmigrate.*) rm -rf "$left" ;;
    esac
    removed=0
    for leftover in "$folder/$key".*.partial; do
        [ -d "$leftover" ] || continue
        rm -rf "$leftover"
        removed=$((removed + 1))
    done
    rm -f "$folder/$key".*/manifest.json.new
}
