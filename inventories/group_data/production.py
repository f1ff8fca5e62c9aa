from os import environ

from pyinfra_pgmigrate.settings import Secret

pg_database = environ.get("PGMIGRATE_PRODUCTION_DATABASE", "stage")

# Whoever restores must name the database: --data pg_confirm=DATABASE
pg_needs_confirm = True

if "PGMIGRATE_PRODUCTION_PASSWORD" in environ:
    # A role of the database, with a password, over the network of the host.
    pg_host = environ.get("PGMIGRATE_PRODUCTION_HOST", "127.0.0.1")
    pg_port = environ.get("PGMIGRATE_PRODUCTION_PORT", "5432")
    pg_user = environ.get("PGMIGRATE_PRODUCTION_USER", "postgres")
    pg_password = Secret(environ["PGMIGRATE_PRODUCTION_PASSWORD"])
else:
    # The account that runs the server, through its socket: no password anywhere.
    _sudo = True
    _sudo_user = "postgres"
