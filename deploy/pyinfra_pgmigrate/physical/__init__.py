"""Physical backups that others take, and restore points that stand on them: for databases too large for a dump."""
