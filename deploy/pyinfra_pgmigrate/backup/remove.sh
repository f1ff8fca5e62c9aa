# Removes backups. Arguments: their labels.
hold
for label; do
    check_label "$label"
    rm -rf "${folder:?}/$label" "${folder:?}/$label.failed"
done
leave 0
