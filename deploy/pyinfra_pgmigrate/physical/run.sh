# Runs a program on the host and tells what it printed. Arguments: text for sh, then its arguments. The first line of
# standard input is empty.
umask 077
LC_ALL=C
export LC_ALL
IFS= read -r _
output=$(sh -c "$@" 2>&1 </dev/null)
status=$?
# A JSON value of which the controller knows that it is base64.
payload=$(printf '"%s"' "$(printf '%s' "$output" | base64 | tr -d '\n')" | base64 | tr -d '\n')
printf '##pgmigrate output %s\n' "$payload"
printf '##pgmigrate exit %s\n' "$status"
