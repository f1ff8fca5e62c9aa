"""pyinfra INVENTORY deploy/validate.py: checks that each database is as it should be; changes nothing."""

from pyinfra_pgmigrate import validate_database

validate_database()
