# Claims the backups of a database for this run. A run that gave no sign of life for some time is dead:
# what it left at work is killed, what it left behind is removed. Argument: seconds.
stale_s=$1
mkdir -p "$folder" || leave 73 "cannot make $folder"
exec 8>"$folder/.$key.claim" || leave 73 "cannot write to $folder"
flock --wait 10 8 || leave 75 "another run is claiming $folder/$key"
removed=0
if [ -e "$run_file" ]; then
    read -r other _ <"$run_file"
    age=$(($(date +%s) - $(stat -c %Y "$run_file")))
    if [ "$other" != "$run" ] && [ "$age" -lt "$stale_s" ]; then
        say busy "[\"$other\", $age]"
        leave 0
    fi
    sweep "$other"
fi
printf '%s - -\n' "$run" >"$run_file"
say removed "$removed"
say host_name "\"$(uname -n)\""
leave 0
