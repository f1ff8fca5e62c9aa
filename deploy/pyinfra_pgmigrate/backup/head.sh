# Begins every program of the backups. The first line of standard input is the password or empty.
# Arguments that all programs share: folder of the backups (empty: that of the user), key of the
# database (its name, made safe for file names), run id, folder of PostgreSQL's programs with a slash.
umask 077
IFS= read -r password
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
unset password
LC_ALL=C PGCLIENTENCODING=UTF8; export LC_ALL PGCLIENTENCODING
# One process for both: uid=NUMBER(NAME) gid=...
user=$(id)
case $user in
*' euid='* | uid=*[0-9]' gid='*) user=$(id -un) uid=$(id -u) ;;
*) user=${user%%' gid='*} uid=${user#uid=} uid=${uid%%(*} user=${user#*(} user=${user%')'} ;;
esac
folder=$1 key=$2 run=$3 bin=$4
if [ -z "$folder" ]; then
    home=$(getent passwd "$user" 2>/dev/null | cut -d : -f 6)
    folder=${home:-$HOME}/pgmigrate-backups
fi
shift 4
case $folder in
/*) ;;
*) folder=$(pwd -P)/$folder ;;
esac
while [ "$folder" != "${folder%/}" ]; do folder=${folder%/}; done
run_file=$folder/.$key.run
work=
newline='
'

# A line for the controller: a word and a JSON value.
say() { printf '##pgmigrate %s %s\n' "$1" "$(printf '%s' "$2" | base64 -w 0)"; }

# A text, and that of a file or its end, as a JSON value of which the controller knows that it is base64.
quoted() { printf '"%s"' "$(printf '%s' "$1" | base64 -w 0)"; }
encoded() { printf '"%s"' "$(tail -c "${2:-100000000}" "$1" 2>/dev/null | base64 -w 0)"; }

# Ends the program; the status is told, never returned: a command that fails would be mistaken for one
# that found nothing.
leave() {
    # Whoever still sends something must not meet a closed pipe.
    [ "$1" = 0 ] || cat >/dev/null
    if [ -n "${2:-}" ]; then say problem "$(quoted "$2")"; fi
    printf '##pgmigrate exit %s\n' "$1"
    exit 0
}

# Tells whether a path is what it should be, and nobody else's; else what was found and expected, and the command
# that mends it, are in its_found, its_expected and its_cure. Arguments: path, what it should be (file, folder, or
# parent: a folder in which others may make files but not change ours), most bytes of a file.
sound() {
    its_path=$1 its_wanted=$2 its_most=${3:-1000000}
    # What guard has asked for already comes first.
    its_stat=${its_stats%%"$newline"*}
    its_stats=${its_stats#"$its_stat"}
    its_stats=${its_stats#"$newline"}
    [ -n "$its_stat" ] || its_stat=$(stat -c '%u %a %U %s %F' -- "$its_path" 2>/dev/null)
    # shellcheck disable=SC2086
    set -- $its_stat
    if [ $# -lt 5 ]; then
        its_found="no $its_path" its_expected="a $its_wanted" its_cure='ls -ld'
        return 1
    fi
    its_owner=$1 its_mode=$2 its_name=$3 its_size=$4
    shift 4
    its_cure=rm its_expected="a $its_wanted"
    case $its_wanted/$* in
    file/regular*) ;;
    parent/directory | folder/directory) its_expected='a folder' ;;
    *)
        its_found="a $* at $its_path"
        return 1
        ;;
    esac
    if [ "$its_owner" != "$uid" ] && [ "$its_owner" != 0 ]; then
        its_found="$its_path of user $its_name" its_expected="one of user $user" its_cure="chown $user"
        return 1
    fi
    case $its_mode in
    *[2367]? | *[2367])
        case $its_wanted$its_mode in
        parent[1357]???) ;;
        *)
            its_found="$its_path with mode $its_mode" its_cure='chmod go-w'
            its_expected='one that its owner alone may write to'
            return 1
            ;;
        esac
        ;;
    esac
    if [ "$its_wanted" = file ] && [ "$its_size" -gt "$its_most" ]; then
        its_found="$its_path of $its_size bytes" its_expected="a file of at most $its_most"
        return 1
    fi
}

# Ends the program where a path is not sound. Arguments: those of sound.
ours() { sound "$@" || unsafe; }
unsafe() {
    say unsafe "[$(quoted "$its_found"), $(quoted "$its_expected"), $(quoted "$its_cure"), $(quoted "$its_path")]"
    leave 77 "$its_found"
}

# Asks for all folders on the way at once, as long as it is straight: a process each would take longer than the rest.
its_stats=''
look_ahead() {
    its_ahead='' its_left=$folder
    set -- /
    while [ -n "$its_left" ]; do
        its_part=${its_left%%/*}
        case $its_left in
        */*) its_left=${its_left#*/} ;;
        *) its_left='' ;;
        esac
        case $its_part in
        '' | .) continue ;;
        ..) break ;;
        esac
        its_ahead=$its_ahead/$its_part
        if [ -L "$its_ahead" ] || [ ! -e "$its_ahead" ]; then break; fi
        set -- "$@" "$its_ahead"
    done
    its_stats=$(stat -c '%u %a %U %s %F' -- "$@" 2>/dev/null)
}

# Ends the program where anybody else could put something into the folder of the backups, or another one in its
# place: goes the way that the kernel goes, links included. Only so can names in it be relied upon.
guard() {
    its_rest=$folder its_at='' its_hops=0
    look_ahead
    ours / parent
    while [ -n "$its_rest" ]; do
        its_part=${its_rest%%/*}
        case $its_rest in
        */*) its_rest=${its_rest#*/} ;;
        *) its_rest='' ;;
        esac
        case $its_part in
        '' | .) continue ;;
        ..)
            its_at=${its_at%/*} its_stats=''
            continue
            ;;
        esac
        if [ "$its_at/$its_part" = "$folder" ] && [ -L "$folder" ]; then
            its_path=$folder its_found="a symbolic link at $folder" its_expected='a folder' its_cure=readlink
            unsafe
        elif [ -L "$its_at/$its_part" ]; then
            its_stats=''
            its_hops=$((its_hops + 1))
            its_owner=$(stat -c %u -- "$its_at/$its_part")
            if [ "$its_hops" -gt 20 ] || { [ "$its_owner" != "$uid" ] && [ "$its_owner" != 0 ]; }; then
                its_path=$its_at/$its_part its_cure=rm
                its_found="a symbolic link at $its_path" its_expected="a folder, or a link of user $user"
                unsafe
            fi
            its_target=$(readlink -- "$its_at/$its_part")
            case $its_target in
            /*) its_at='' ;;
            esac
            its_rest=$its_target/$its_rest
            continue
        fi
        its_at=$its_at/$its_part
        if [ ! -e "$its_at" ] && [ ! -L "$its_at" ]; then
            its_stats=''
            return 0
        fi
        ours "$its_at" parent
    done
    its_stats=''
    ours "$its_at" folder
}

# Ends the program where a label is none. Argument: label.
check_label() {
    case $1 in
    *[!A-Za-z0-9_.-]*) ;;
    "$key".?*) return 0 ;;
    esac
    leave 66 "no backup \"$1\" of this database"
}

# Goes into the folder of a backup, which may have another name in front: a database can be renamed. Argument: its name.
enter() {
    case $1 in
    *[!A-Za-z0-9_.-]* | [.-]* | '') leave 66 "no backup \"$1\"" ;;
    esac
    [ -e "$folder/$1" ] || [ -L "$folder/$1" ] || leave 66 "no folder $folder/$1"
    ours "$folder/$1" folder
    cd "$folder/$1" || leave 66 "no folder $folder/$1"
}

# Tells the texts in which the backup says of itself what it is, where they are files, and what is wrong with them.
texts() {
    sums='' flaws=''
    for name in files.sha256 contents.json catalog.json manifest.json; do
        limit=100000000
        if [ "$name" = manifest.json ]; then limit=4000000; fi
        sum=''
        if sound "$name" file "$limit"; then
            [ "$name" = files.sha256 ] || say "${name%.json}" "$(encoded "$name")"
            sum=$(sha256sum <"$name")
        elif [ -e "$name" ] || [ -L "$name" ]; then
            flaws="$flaws, $(quoted "found $its_found; expected $its_expected")"
        fi
        [ "$name" = manifest.json ] || sums="$sums, \"${sum%% *}\""
    done
    say sums "[${sums#, }]"
    say flaws "[${flaws#, }]"
}

# Makes a private folder that goes with this program.
room() {
    make_room || leave 73 "cannot write to ${TMPDIR:-/tmp}"
    trap clear_room EXIT
}

# Opens the lock that lasts as long as a process of this program. Appending: what is there is never cut.
open_lock() {
    if [ -e "$folder/.$key.lock" ] || [ -L "$folder/.$key.lock" ]; then ours "$folder/.$key.lock" file; fi
    exec 9>>"$folder/.$key.lock" || leave 73 "cannot write to $folder"
}

# Reads which run has claimed the place, and the process group of its last program, into claimed and group; empty
# where there is none.
read_run() {
    claimed='' group=''
    [ -e "$run_file" ] || [ -L "$run_file" ] || return 0
    if ! sound "$run_file" file 1000; then
        # Given back at this very moment.
        [ "$its_found" != "no $run_file" ] || return 0
        unsafe
    fi
    { read -r claimed group _ <"$run_file"; } 2>/dev/null
    case $claimed in
    *[!0-9A-Za-z-]*) claimed=unknown ;;
    esac
    case $group in
    *[!0-9]* | 0 | 1) group='' ;;
    esac
}

# Notes which run has claimed the place. Arguments: run, process group or -.
write_run() {
    rm -f "$run_file.new"
    printf '%s %s\n' "$1" "$2" >"$run_file.new" && mv -f "$run_file.new" "$run_file"
}

# Takes the lock; whoever comes after a killed run can tell by it that something is still at work, and by who holds
# it what. Only a run that has claimed the place may do that.
hold() {
    open_lock
    flock --wait 5 9 || leave 75 "another command of this tool is at work on $folder/$key"
    read_run
    [ "$claimed" = "$run" ] || leave 75 "another run has claimed $folder/$key"
    room
    write_run "$run" "$$"
}

# Reads the process group of a process into its_group; empty where it has ended. Argument: its number.
group_of() {
    its_group=''
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
    # After the name in parentheses: state, parent, group.
    # shellcheck disable=SC2086
    set -- ${stat##*)}
    its_group=${3:-}
}

# Ends whatever still holds the lock, and was not started by this program: what has its file open, at the same place
# as here. Not by the number in the run file, which may be another's by now.
end_holders() {
    group_of $$
    own=$its_group
    for process in /proc/[0-9]*; do
        [ "$process/fd/9" -ef "$folder/.$key.lock" ] || continue
        group_of "${process#/proc/}"
        [ "$its_group" = "$own" ] || kill -s KILL "${process#/proc/}" 2>/dev/null
    done
}

# Ends what a run left at work and removes what it left behind. Argument: the run.
sweep() {
    open_lock
    tries=0
    until flock --nonblock 9; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || leave 75 "a command of run $1 is still at work"
        end_holders
        flock --wait 0.2 9 && break
    done
    removed=0
    for leftover in "$folder/$key".*.partial; do
        [ -d "$leftover" ] || continue
        rm -rf "$leftover"
        removed=$((removed + 1))
    done
    rm -f "$folder/$key".*/manifest.json.new
}

guard
