# Removes backups. Arguments: their labels.
hold
for label; do
    case $label in
    "$key".*[!A-Za-z0-9_.-]*) continue ;;
    "$key".*) rm -rf "${folder:?}/$label" "${folder:?}/$label.failed" ;;
    esac
done
leave 0
