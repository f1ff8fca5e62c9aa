"""This machine, with PostgreSQL from a Python package: for a first look and for trying things out.

The server is started when it is not running; its data are in .pgdata of this project, its backups in
.pgbackups. The file is read by pyinfra without a main guard and without a package.
"""

from pathlib import Path

from pyinfra_pgmigrate.embedded import ensure_server

_server = ensure_server(Path(".pgdata"))

embedded = [
    (
        "@local",
        {
            "pg_host": _server.host,
            "pg_port": _server.port,
            "pg_user": _server.user,
            "pg_bin_dir": str(_server.bin_dir),
            "pg_backup_dir": str(Path(".pgbackups").resolve()),
        },
    )
]
