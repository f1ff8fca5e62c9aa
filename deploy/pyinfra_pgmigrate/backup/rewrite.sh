# Writes the manifest of a backup again, all of it or nothing. Standard input: one line.
# Arguments: label, SHA-256 of standard input.
label=$1 expected=$2
hold
enter "$label"
rm -f manifest.json.new
{
    cat >manifest.json.new &&
        found=$(sha256sum <manifest.json.new) &&
        [ "${found%% *}" = "$expected" ] &&
        sync manifest.json.new &&
        mv manifest.json.new manifest.json &&
        sync .
} 2>"$work/errors" || leave 74 "$(tail -n 5 "$work/errors")"
leave 0
