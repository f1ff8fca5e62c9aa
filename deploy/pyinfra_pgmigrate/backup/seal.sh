# Completes a dump: contents, catalog, manifest, and its name. Standard input: three lines.
# Arguments: label, SHA-256 of standard input.
label=$1 expected=$2
check_label "$label"
hold
cat >"$work/lines"
found=$(sha256sum <"$work/lines")
[ "${found%% *}" = "$expected" ] || leave 65 "the manifest was damaged on its way"
{
    cd "$folder/$label.partial" &&
        sed -n 1p "$work/lines" >contents.json &&
        sed -n 2p "$work/lines" >catalog.json &&
        sync contents.json catalog.json &&
        sed -n 3p "$work/lines" >manifest.json &&
        sync manifest.json . &&
        cd "$folder" &&
        [ ! -e "$label" ] && [ ! -L "$label" ] &&
        mv "$label.partial" "$label" &&
        sync "$folder"
} 2>"$work/errors" || {
    rm -rf "$folder/$label.partial"
    leave 74 "$(tail -n 5 "$work/errors")"
}
leave 0
