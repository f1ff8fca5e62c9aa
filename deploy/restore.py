"""pyinfra INVENTORY deploy/restore.py --data pg_backup=LABEL: puts a backup in the place of each database."""

from pyinfra_pgmigrate import restore_database

restore_database()
