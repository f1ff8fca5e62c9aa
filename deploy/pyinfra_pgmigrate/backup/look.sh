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
for backup in "$folder/$key".*; do
    [ -d "$backup" ] || [ -L "$backup" ] || continue
    label=${backup##*/}
    case $label in
    *.partial | *.failed | *[!A-Za-z0-9_.-]*) continue ;;
    esac
    if ! sound "$backup" folder; then
        say backup "[\"$label\", \"\", $(quoted "found $its_found; expected $its_expected")]"
    elif sound "$backup/manifest.json" file 4000000; then
        say backup "[\"$label\", $(encoded "$backup/manifest.json"), \"\"]"
    elif [ -e "$backup/manifest.json" ] || [ -L "$backup/manifest.json" ]; then
        say backup "[\"$label\", \"\", $(quoted "found $its_found; expected $its_expected")]"
    else
        say backup "[\"$label\", \"\", \"\"]"
    fi
done
leave 0
