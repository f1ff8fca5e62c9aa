# Checks the files of a backup against their hashes, and who may read them. Changes nothing.
# Arguments: label, jobs.
label=$1 jobs=$2
room
cd "$folder/$label" 2>"$work/errors" || leave 66 "$(cat "$work/errors")"
for name in manifest contents catalog; do
    say "$name" "$(encoded "$name.json")"
done
say sums "[\"$(sha256sum <files.sha256 2>/dev/null | cut -d ' ' -f 1)\", \
\"$(sha256sum <contents.json 2>/dev/null | cut -d ' ' -f 1)\", \"$(sha256sum <catalog.json 2>/dev/null | cut -d ' ' -f 1)\"]"
{
    find . \( -type d ! -perm 700 -o -type f ! -perm 600 \) -exec stat -c 'mode %a of %n; expected 700 or 600' {} +
    find . ! -user "$user" -exec stat -c "owner %U of %n; expected $user" {} +
    find . ! -type d ! -type f -exec stat -c '%F %n; expected files and folders only' {} +
    # No more and no fewer files than are listed.
    find . -type f ! -path ./manifest.json ! -path ./contents.json ! -path ./catalog.json ! -path ./files.sha256 |
        sort >"$work/there"
    sed 's/^[0-9a-f]*  //' files.sha256 | sort >"$work/listed"
    comm -23 "$work/there" "$work/listed" | sed 's/$/: a file that is not listed in files.sha256/'
    # shellcheck disable=SC2016
    xargs -P "$jobs" -n 20 -d '\n' sh -c 'printf "%s\n" "$@" | sha256sum --check --strict --quiet' sh <files.sha256
} >"$work/problems" 2>&1
say damage "$(encoded "$work/problems" 4000)"
leave 0
