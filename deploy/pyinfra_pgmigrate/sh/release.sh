# Ends the claim of this run.
if [ -e "$run_file" ]; then
    read -r other _ <"$run_file"
    [ "$other" = "$run" ] && rm -f "$run_file"
fi
leave 0
