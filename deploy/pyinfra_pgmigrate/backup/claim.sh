# Claims the backups of a database for this run. A run that gave no sign of life for some time is dead:
# what it left at work is killed, what it left behind is removed. Argument: seconds.
stale_s=$1
mkdir -p "$folder" || leave 73 "cannot make $folder"
# Another one may have been made meanwhile.
guard
if [ -e "$folder/.$key.claim" ] || [ -L "$folder/.$key.claim" ]; then ours "$folder/.$key.claim" file; fi
exec 8>>"$folder/.$key.claim" || leave 73 "cannot write to $folder"
flock --wait 10 8 || leave 75 "another run is claiming $folder/$key"
removed=0
read_run
# It may be given back at this very moment.
seen_at=$(stat -c %Y "$run_file" 2>/dev/null) || claimed=''
if [ -n "$claimed" ]; then
    age=$(($(date +%s) - seen_at))
    # A sign from the future is none: somebody set the clock.
    if [ "$claimed" != "$run" ] && [ "$age" -lt "$stale_s" ] && [ "$age" -gt "-$stale_s" ]; then
        say busy "[\"$claimed\", $age]"
        leave 0
    fi
    sweep "$claimed"
fi
write_run "$run" -
say removed "$removed"
say run_file "$(quoted "$run_file")"
say host_name "\"$(uname -n)\""
leave 0
