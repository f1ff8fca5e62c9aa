"""How long clients of the application wait at worst while migrate.py runs.

Usage: python -m tests.bench.stalls [GROUPS [ROUNDS]], by default 300,000 equipment groups, three rounds. Eight clients
read and write all the while; told is the longest that one of them waited for one turn: without a migration, while
migrate.py runs, and while it runs and a session that has read the tables stays in its transaction for 15 s.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import tell
from tests.bench.rollbacks import fill
from tests.bench.status import seconds
from tests.support.cli import Site
from tests.support.servers import Database, Server
from tests.support.writers import Writers

GROUPS, ROUNDS = 300_000, 3
IDLE_S = 15.0
TABLES = ("projects", "project_equipment_groups", "project_roles")


class Idle:
    """A session that has read the tables and stays in its transaction for a while."""

    def __init__(self, database: Database) -> None:
        self._connection = database.server.connect(database.name)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._end)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")
        for table in TABLES:
            self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1".encode())
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _end(self) -> None:
        self._ended.wait(IDLE_S)
        self._connection.close()


def stalled_ms(database: Database, run: Callable[[], object], beside: Any) -> float:
    """Returns the longest that a client waited for a turn while something runs, in milliseconds."""
    with Writers(database, pause_s=0.005) as writers, beside:
        time.sleep(1)
        run()
    if writers.errors:
        raise RuntimeError(writers.errors[0])
    return 1000 * writers.longest_s


def main(groups: int = GROUPS, rounds: int = ROUNDS) -> None:
    """Runs all of it."""
    with tempfile.TemporaryDirectory() as place, scratch_server(version=18) as found:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        site = Site.make(Path(place))
        measured: dict[str, list[float]] = {"quiet": [], "a session idle in its transaction": [], "no migration": []}
        for number in range(rounds):
            for name, waits in measured.items():
                with server.database("empty") as database:
                    fill(database, groups)
                    inventory = site.write_inventory(f"n{number}{len(waits)}", {"@local": database.settings()})

                    def deploy(inventory: str = inventory) -> object:
                        return seconds(site, inventory, "deploy/migrate.py")

                    run = (lambda: time.sleep(10)) if name == "no migration" else deploy
                    beside = Idle(database) if name.startswith("a session idle") else nullcontext()
                    waits.append(stalled_ms(database, run, beside))
        wanted = "1.5 times no migration, or 60 ms"
        for name in ("quiet", "a session idle in its transaction"):
            tell(
                f"longest stall, {name}", "ms", {name: measured[name], "no migration": measured["no migration"]}, wanted
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
