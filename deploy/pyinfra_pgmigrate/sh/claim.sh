# Claims the backups of a database for this run. A run that gave no sign of life for some time is dead:
# what it left at work is killed, what it left behind is removed. Argument: seconds.
stale_s=$1
mkdir -p "$folder" || leave 73 "cannot make $folder"
exec 8>"$folder/.$key.claim" || leave 73 "cannot write to $folder"
flock --wait 10 8 || leave 75 "another run is claiming $folder/$key"
other='' group='' left=''
if [ -e "$run_file" ]; then
    read -r other group left <"$run_file"
    age=$(($(date +%s) - $(stat -c %Y "$run_file")))
    if [ "$other" != "$run" ] && [ "$age" -lt "$stale_s" ]; then
        say busy "[\"$other\", $age]"
        leave 0
    fi
fi
exec 9>"$folder/.$key.lock"
if ! flock --nonblock 9; then
    # Nobody else writes that file while the lock is held: the group is that of whoever holds it.
    [ -n "$group" ] && [ "$group" != - ] && kill -KILL -- "-$group" 2>/dev/null
    flock --wait 20 9 || leave 75 "a command of run $other is still at work"
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
printf '%s - -\n' "$run" >"$run_file"
say removed "$removed"
say host_name "\"$(uname -n)\""
leave 0
