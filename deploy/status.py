"""pyinfra INVENTORY deploy/status.py: tells which migrations hold on each database; changes nothing."""

from pyinfra_pgmigrate import database_status

database_status()
