# Tells what a backup says of itself, without a look at its dump. Changes nothing. Argument: label.
cd "$folder/$1" 2>/dev/null || leave 66 "no folder $folder/$1"
for name in manifest contents catalog; do
    say "$name" "$(encoded "$name.json")"
done
say sums "[\"$(sha256sum <files.sha256 2>/dev/null | cut -d ' ' -f 1)\", \
\"$(sha256sum <contents.json 2>/dev/null | cut -d ' ' -f 1)\", \"$(sha256sum <catalog.json 2>/dev/null | cut -d ' ' -f 1)\"]"
leave 0
