# Notes that a database goes on from others, whose backups are its own from now on. Arguments: number of the server,
# of the database, and of each that it goes on from.
system=$1 database=$2
shift 2
hold
lineage=$folder/.$key.lineage
if [ -e "$lineage" ] || [ -L "$lineage" ]; then ours "$lineage" file; fi
for earlier; do
    printf '%s %s %s\n' "$system" "$database" "$earlier"
done >>"$lineage" || leave 73 "cannot write to $folder"
sync "$lineage"
leave 0
