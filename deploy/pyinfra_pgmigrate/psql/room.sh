# A private temporary folder for a program of this library, in $work; what killed ones left of theirs goes first.
# Each holds a lock as long as its program or anything that it started: no process number to be mistaken about.
# Without flock nothing is locked, and nothing removed. Returns 1 where no folder can be made.
make_room() {
    has_locks=
    set --
    if command -v flock >/dev/null 2>&1; then
        has_locks=1
        for old in "${TMPDIR:-/tmp}"/pgmigrate.??????????; do
            # Only what is our own, and no link: others may put names there.
            { [ -d "$old" ] && [ ! -L "$old" ] && [ -O "$old" ]; } || continue
            if [ -f "$old/lock" ] && [ ! -L "$old/lock" ]; then
                # To see that its process has it open costs nothing; else whether the lock is held decides.
                process=''
                read -r process 2>/dev/null <"$old/lock"
                if [ -n "$process" ] && [ "/proc/$process/fd/7" -ef "$old/lock" ]; then continue; fi
                flock -n "$old/lock" rm -rf "$old" 2>/dev/null
            else
                # Killed before it had its lock, or made by a version that knew none.
                set -- "$@" "$old"
            fi
        done
        [ $# = 0 ] || find "$@" -maxdepth 0 \( -empty -mmin +5 -o -mmin +1440 \) -exec rm -rf {} + 2>/dev/null
    fi
    while :; do
        work=$(mktemp -d "${TMPDIR:-/tmp}/pgmigrate.XXXXXXXXXX") || return 1
        [ -n "$has_locks" ] || return 0
        exec 7>"$work/lock"
        # Another one that cleans up may have come between: then the folder is gone, or is about to go.
        if flock -n 7 && [ -e "$work/lock" ]; then
            echo $$ >&7
            return 0
        fi
    done
}

# Removes it again. What this program started, and another one ended, may still write into it: then it finds it
# under its name no longer.
clear_room() {
    rm -rf "$work" 2>/dev/null && return
    gone=$(mktemp -d "${TMPDIR:-/tmp}/pgmigrate.XXXXXXXXXX") && mv "$work" "$gone" && rm -rf "$gone"
}
