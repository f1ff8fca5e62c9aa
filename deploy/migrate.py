"""pyinfra INVENTORY deploy/migrate.py: brings each database to the last migration, or to pg_target."""

from pyinfra_pgmigrate import migrate_database

migrate_database()
