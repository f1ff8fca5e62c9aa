# Ends the claim of this run.
read_run
if [ "$claimed" = "$run" ]; then
    sweep "$run"
    rm -f "$run_file"
fi
leave 0
