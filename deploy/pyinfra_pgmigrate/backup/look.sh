# Tells which backups of a database there are, and how much room. Changes nothing.
# Argument: folder of the server's data; empty where it is not known or not on this machine.
say folder "$(quoted "$folder")"
say now "$(date +%s.%3N)"
place=$folder
while [ ! -d "$place" ]; do place=$(dirname "$place"); done
say free_kib "$(df -Pk "$place" | awk 'NR == 2 { print $4 }')"
if [ -n "$1" ] && free=$(df -Pk "$1" 2>/dev/null); then
    say data_free_kib "$(printf '%s\n' "$free" | awk 'NR == 2 { print $4 }')"
fi
say pg_dump "\"$("${bin}pg_dump" --version 2>/dev/null | head -n 1)\""
lineage=$folder/.$key.lineage
if [ -e "$lineage" ] || [ -L "$lineage" ]; then
    ours "$lineage" file
    say lineage "$(encoded "$lineage")"
fi
# What sound asks of all of them, at once, and one line for all: with processes for each they would take longer than the
# rest. In the place of a manifest that is not there stands /.
set --
for backup in "$folder/$key".*; do
    [ -d "$backup" ] || [ -L "$backup" ] || continue
    case ${backup##*/} in
    *.partial | *.failed | *[!A-Za-z0-9_.-]*) continue ;;
    esac
    manifest=$backup/manifest.json
    [ -e "$manifest" ] || [ -L "$manifest" ] || manifest=/
    set -- "$@" "$backup" "$manifest"
done
stats=''
if [ $# != 0 ]; then stats=$(stat -c '%u %a %U %s %F' -- "$@" 2>/dev/null); fi
# One of them has just gone: then each is asked for by itself.
[ "$(printf '%s\n' "$stats" | wc -l)" -eq $# ] || stats=''
backups=''
while [ $# != 0 ]; do
    found=''
    for path in "$1" "$2"; do
        its_stats=${stats%%"$newline"*}
        stats=${stats#"$its_stats"}
        stats=${stats#"$newline"}
        wanted=file
        [ "$path" != "$1" ] || wanted=folder
        if [ -n "$found" ] || [ "$path" = / ]; then
            continue
        elif ! sound "$path" "$wanted" 4000000; then
            found="\"\", $(quoted "found $its_found; expected $its_expected")"
        elif [ "$wanted" = file ]; then
            found="\"$(base64 -w 0 <"$path")\", \"\""
        fi
    done
    its_stats=''
    backups="$backups, [\"${1##*/}\", ${found:-\"\", \"\"}]"
    shift 2
done
say backups "[${backups#, }]"
leave 0
