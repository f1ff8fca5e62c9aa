# For the programs that restore a dump into a copy, between head.sh and the program itself.
# The second line of standard input is the password of the role of the copy; empty where that is our own role.
IFS= read -r copy_password

# Runs a program as the role of the copy.
as_copy() {
    if [ -n "$copy_password" ]; then PGPASSWORD=$copy_password "$@"; else "$@"; fi
}

# Sorts what is in a dump. Into $work/first goes what takes the rights of the connection, and is made before anything
# of others is there: schemas, extensions and the rows of these; into $work/rest all else, but for what owners.sql
# makes. Argument: the dump.
sort_out() {
    : >"$work/first"
    : >"$work/rest"
    "${bin}pg_restore" --list "$1" >"$work/list" || return
    # A line is "number; catalog object KIND schema name owner": nothing that a user names comes before the kind.
    awk -v first="$work/first" -v rest="$work/rest" -v extensions="$work/extensions" '
        !/^[0-9]+; / { next }
        {
            entry = $0
            sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", entry)
            file = rest
        }
        entry ~ /^(EVENT TRIGGER|PUBLICATION|PUBLICATION TABLE|PUBLICATION TABLES IN SCHEMA) / { next }
        entry ~ /^(COMMENT|SECURITY LABEL) - (EVENT TRIGGER|PUBLICATION) / { next }
        entry ~ /^(SUBSCRIPTION|SUBSCRIPTION TABLE) / || entry ~ /^(COMMENT|SECURITY LABEL) - SUBSCRIPTION / { next }
        entry ~ /^EXTENSION / { print >extensions; file = first }
        entry ~ /^SCHEMA / || entry ~ /^COMMENT - EXTENSION / { file = first }
        # Of a table or sequence that is not made: it comes with an extension.
        entry ~ /^TABLE DATA / { if (!(("TABLE " substr(entry, 12)) in made)) file = first }
        entry ~ /^SEQUENCE SET / { if (!(("SEQUENCE " substr(entry, 14)) in made)) file = first }
        { made[entry] = 1; print >file }
    ' "$work/list"
}

# Makes what a superuser alone can make, of what the role of the copy could not: functions in untrusted languages or
# without leaks, operator classes, base types and their like. To make them runs nothing that others left, and in the same
# transaction they become the role's. What builds on them is tried again. Leaves in $work/said what failed in the end.
help_out() {
    : >"$work/lacking"
    for _ in 1 2 3 4 5 6; do
        : >"$work/failed"
        : >"$work/more"
        awk -v failed="$work/failed" -v more="$work/more" '
            /^pg_restore: from TOC entry [0-9]+; / {
                entry = $0
                sub(/^pg_restore: from TOC entry /, "", entry)
                number = entry
                sub(/;.*/, "", number)
                sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", entry)
                print number >failed
            }
            /^pg_restore: error: .*(permission denied|[Mm]ust be superuser|[Oo]nly superuser)/ && number != "" {
                if (entry ~ /^(FUNCTION|PROCEDURE|OPERATOR CLASS|OPERATOR FAMILY|SHELL TYPE|TYPE|CAST|TRANSFORM) / ||
                    entry ~ /^(ACCESS METHOD|FOREIGN DATA WRAPPER|PROCEDURAL LANGUAGE) / ||
                    entry ~ /^TEXT SEARCH (PARSER|TEMPLATE) /) print number >more
                number = ""
            }
        ' "$work/said"
        [ -s "$work/more" ] || break
        cat "$work/more" >>"$work/lacking"
        # In the order of the dump.
        awk -F ';' 'NR == FNR { wanted[$1] = 1; next } $1 in wanted' "$work/lacking" "$work/list" >"$work/powered"
        "${bin}pg_restore" --file="$work/powered.sql" --no-owner --no-privileges --use-list="$work/powered" "$dump" \
            2>"$work/ignored" </dev/null
        "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_ROLLBACK=on \
            --single-transaction --set=role="$role" --dbname="$ours" --file="$work/powered.sql" \
            --file="$work/hand_over.sql" >"$work/ignored" 2>&1 </dev/null
        awk -F ';' 'NR == FNR { made[$1] = 1; next } !($1 in made)' "$work/lacking" "$work/failed" >"$work/again"
        awk -F ';' 'NR == FNR { wanted[$1] = 1; next } $1 in wanted' "$work/again" "$work/list" >"$work/powered"
        : >"$work/said"
        said=0
        [ -s "$work/powered" ] || break
        as_copy "${bin}pg_restore" --dbname="$copy" --no-password --no-owner --no-privileges --verbose \
            --section=pre-data --use-list="$work/powered" "$dump" >"$work/said" 2>&1 </dev/null || said=$?
    done
}

# What is done once tables are there, and neither indexes nor references; a program may do something.
has_between=
between() { :; }

# Restores a dump. Arguments: the dump, connection string of the copy as its role, the same as our own role (empty: it
# is the same role), name of the role of the copy, text of hand_over.sql, options of pg_restore.
# Sets status, and leaves in $work/output what was said.
put_in() {
    dump=$1 copy=$2 ours=$3 role=$4 hand_over=$5
    shift 5
    status=0
    sort_out "$dump" >"$work/output" 2>&1 || { status=$?; return; }
    if [ -z "$ours" ]; then
        cat "$work/first" "$work/rest" >"$work/all"
        if [ -n "$has_between" ]; then
            as_copy "${bin}pg_restore" --dbname="$copy" --no-password --no-owner --no-privileges --section=pre-data \
                --use-list="$work/all" "$dump" >>"$work/output" 2>&1 </dev/null || status=$?
            between
            set -- "$@" --section=data --section=post-data
        fi
        as_copy "${bin}pg_restore" --dbname="$copy" --no-password --no-owner --no-privileges --use-list="$work/all" "$@" \
            "$dump" >>"$work/output" 2>&1 </dev/null || status=$?
        return
    fi
    printf '%s' "$hand_over" >"$work/hand_over.sql"
    if [ -e "$work/extensions" ]; then
        "${bin}pg_restore" --dbname="$ours" --no-password --no-owner --no-privileges --use-list="$work/first" "$dump" \
            >>"$work/output" 2>&1 </dev/null || status=$?
        "${bin}psql" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
            --set=role="$role" --dbname="$ours" --file="$work/hand_over.sql" \
            >>"$work/output" 2>&1 </dev/null || status=$?
    else
        cat "$work/first" "$work/rest" >"$work/all"
        mv "$work/all" "$work/rest"
    fi
    said=0
    # It says at which entry it failed when it is verbose, and does this part one by one.
    as_copy "${bin}pg_restore" --dbname="$copy" --no-password --no-owner --no-privileges --verbose --section=pre-data \
        --use-list="$work/rest" "$@" --jobs=1 "$dump" >"$work/said" 2>&1 </dev/null || said=$?
    # What a signal ended has said nothing of the dump, and nothing is done to help it on.
    [ "$said" = 0 ] || [ "$said" -gt 128 ] || help_out
    [ "$said" = 0 ] || status=$said
    grep -vE '^pg_restore: (creating|connecting|while|from|implied|processing|executing|finished|entering)' \
        "$work/said" >>"$work/output"
    [ "$said" -le 128 ] || return
    case " $* " in
    *' --section=pre-data '*) return ;;
    esac
    between
    as_copy "${bin}pg_restore" --dbname="$copy" --no-password --no-owner --no-privileges --section=data \
        --section=post-data --use-list="$work/rest" "$@" "$dump" >>"$work/output" 2>&1 </dev/null || status=$?
}

# Tells the statements of a dump that was put in, owners and rights among them, and no rows. Arguments: the dump, which
# of them: all, or those of the structure, without large objects.
tell_statements() {
    data='TABLE DATA|SEQUENCE SET|BLOBS'
    [ "$2" = all ] || data="$data|BLOB|BLOB METADATA|(ACL|COMMENT|SECURITY LABEL) - LARGE OBJECTS?"
    grep -vE "^[0-9]+; [0-9]+ [0-9]+ ($data) " "$work/list" >"$work/told"
    "${bin}pg_restore" --file="$work/statements" --use-list="$work/told" "$1" >>"$work/output" 2>&1 </dev/null ||
        status=$?
    say statements "$(encoded "$work/statements")"
}
