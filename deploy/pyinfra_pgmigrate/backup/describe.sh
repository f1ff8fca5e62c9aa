# Tells what a backup says of itself, without a look at its dump. Changes nothing. Argument: label.
enter "$1"
texts
leave 0
