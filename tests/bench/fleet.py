"""What each further database costs a run that finds nothing to do.

Usage: python -m tests.bench.fleet [ROUNDS [DATABASES]], by default three rounds and 50 databases. migrate.py runs on one
host with one database, and with so many; each holds the same 5 migrations. Printed is the processor time of pyinfra's own
process for each further one, and its memory: psql's is the host's.
"""

from __future__ import annotations

import compileall
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import tell
from tests.bench.migrations import write
from tests.bench.start import used
from tests.support.cli import Site
from tests.support.servers import ROOT, Server

ROUNDS, DATABASES = 3, 50


def main(rounds: int = ROUNDS, databases: int = DATABASES) -> None:
    """Runs all of it."""
    compileall.compile_dir(ROOT / "deploy" / "pyinfra_pgmigrate", quiet=2)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = stack.enter_context(scratch_server(version=18))
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        site = Site.make(place)
        made = [f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text)" for number in range(5)]
        sql = write(place / "migrations", made, server)
        all_of = [stack.enter_context(server.database("empty")) for _ in range(databases)]
        settings = all_of[0].settings(pg_sql_dir=str(sql))
        del settings["pg_database"]
        inventories = [
            site.write_inventory(f"of{count}", {"@local": {**settings, "pg_databases": [one.name for one in several]}})
            for count, several in ((1, all_of[:1]), (databases, all_of))
        ]
        used(site, inventories[1], "deploy/migrate.py")
        milliseconds, memory = [], []
        for _ in range(rounds):
            (one_s, one_mib), (all_s, all_mib) = (used(site, file, "deploy/migrate.py") for file in inventories)
            milliseconds.append(1000 * (all_s - one_s) / (databases - 1))
            memory.append((all_mib - one_mib) / (databases - 1))
        tell("each further database, nothing to do", "ms", {"processor time of pyinfra": milliseconds}, "15 ms")
        tell("each further database, nothing to do", "MiB", {"memory of pyinfra": memory})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
