# Gives a piece of a file of a backup. Arguments: label, name of the file, first byte (from 0), bytes.
enter "$1"
ours "$2" file "$((1 << 62))"
say piece "\"$(tail -c "+$(($3 + 1))" "$2" | head -c "$4" | base64 -w 0)\""
leave 0
