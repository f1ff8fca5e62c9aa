# Checks the files of a backup against their hashes, and who may read them. Changes nothing.
# Arguments: label, jobs, most bytes that its files may have.
label=$1 jobs=$2 most=$3
room
enter "$label"
texts
{
    find . \( -type d ! -perm 700 -o -type f ! -perm 600 \) -exec stat -c 'mode %a of %n; expected 700 or 600' {} +
    find . ! -user "$user" -exec stat -c "owner %U of %n; expected $user" {} +
    find . ! -type d ! -type f -exec stat -c '%F %n; expected files and folders only' {} +
    find . -type f -links +1 -exec stat -c '%h names of the file %n; expected one' {} +
    bytes=$(find . -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%.0f", sum }')
    if [ "$bytes" -gt "$most" ]; then
        # Files with holes: reading them could take days.
        printf '%s bytes in its files; expected at most %s\n' "$bytes" "$most"
    elif sound files.sha256 file 100000000; then
        # No more and no fewer files than are listed.
        find . -type f ! -path ./manifest.json ! -path ./contents.json ! -path ./catalog.json ! -path ./files.sha256 |
            sort >"$work/there"
        sed 's/^[0-9a-f]*  //' files.sha256 | sort >"$work/listed"
        comm -23 "$work/there" "$work/listed" | sed 's/$/: a file that is not listed in files.sha256/'
        # Whatever is listed and is no file of the backup would be read all the same.
        comm -13 "$work/there" "$work/listed" | sed 's/$/: listed in files.sha256, and no file of the backup/' \
            >"$work/missing"
        cat "$work/missing"
        # shellcheck disable=SC2016
        [ -s "$work/missing" ] ||
            xargs -P "$jobs" -n 20 -d '\n' sh -c 'printf "%s\n" "$@" | sha256sum --check --strict --quiet' sh \
                <files.sha256
    fi
} >"$work/problems" 2>&1
say damage "$(encoded "$work/problems" 4000)"
leave 0
