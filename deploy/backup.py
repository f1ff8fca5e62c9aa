"""pyinfra INVENTORY deploy/backup.py: takes a backup of each database and proves that it restores."""

from pyinfra_pgmigrate import backup_database

backup_database()
