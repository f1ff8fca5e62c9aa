# Ends the claim of this run.
if [ -e "$run_file" ]; then
    read -r other _ <"$run_file"
    if [ "$other" = "$run" ]; then
        sweep "$run"
        rm -f "$run_file"
    fi
fi
leave 0
