from os import environ

from pyinfra_pgmigrate.settings import Secret

pg_database = environ.get("PGMIGRATE_STAGING_DATABASE", "stage")
# Connects as the owner of the database, not as a superuser: docs/security.md says why, and how to make such a role.

if "PGMIGRATE_STAGING_PASSWORD" in environ:
    # The owner of the database, with a password, over the network of the host.
    pg_host = environ.get("PGMIGRATE_STAGING_HOST", "127.0.0.1")
    pg_port = environ.get("PGMIGRATE_STAGING_PORT", "5432")
    pg_user = environ.get("PGMIGRATE_STAGING_USER", pg_database)
    pg_password = Secret(environ["PGMIGRATE_STAGING_PASSWORD"])
else:
    # The account of that name, through the server's socket (peer): no password anywhere.
    _sudo = True
    _sudo_user = environ.get("PGMIGRATE_STAGING_USER", pg_database)
