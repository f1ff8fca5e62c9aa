"""pyinfra INVENTORY deploy/rollback.py: takes back, on each database, what the newest rollback script reverts."""

from pyinfra_pgmigrate import rollback_database

rollback_database()
