"""How long a rollback keeps others out: with the index built before the cut-over, and within it.

Usage: python -m tests.bench.rollbacks [GROUPS [ROUNDS]], by default two million equipment groups, three
rounds. While each rollback runs, one session looks every 2 ms for an ACCESS EXCLUSIVE lock that is granted on
the table of the groups, and four clients read and write its rows; printed are seconds of the lock and the
longest stall of a client, and the ratio of the medians.
"""

from __future__ import annotations

import sys
import threading
import time
from statistics import median

import legacy_data
from pyinfra_pgmigrate.embedded import scratch_server

from tests.support.harness import Result, migrate, rollback
from tests.support.servers import Database, Server
from tests.support.writers import Writers

GROUPS, ROUNDS, PROJECTS = 2_000_000, 3, 2_000
FILL = """
ALTER TABLE project_equipment_groups DISABLE TRIGGER USER;
INSERT INTO project_equipment_groups (project_id, name)
SELECT p.id, 'Group ' || i FROM projects AS p CROSS JOIN generate_series(1, {each}) AS i;
ALTER TABLE project_equipment_groups ENABLE TRIGGER USER;
"""
LOCKED = """
SELECT EXISTS (
    SELECT 1 FROM pg_locks
    WHERE relation = 'project_equipment_groups'::regclass AND mode = 'AccessExclusiveLock' AND granted
)
"""


class Watch:
    """Sums the time in which the table is locked against everybody."""

    def __init__(self, database: Database) -> None:
        self.seconds = 0.0
        self._stop = threading.Event()
        self._connection = database.server.connect(database.name)
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(0.002):
            row = self._connection.execute(LOCKED.encode()).fetchone()
            now = time.monotonic()
            if row is not None and row[0]:
                self.seconds += now - last
            last = now


def fill(database: Database, groups: int) -> None:
    """Fills an empty database with a legacy application's data.

    + groups: of equipment, those of all projects together
    """
    with database.server.connect(database.name) as connection:
        connection.execute(legacy_data.BASELINE.read_bytes())
        legacy_data.fill(connection, legacy_data.Size(projects=PROJECTS))
        connection.execute(FILL.format(each=groups // PROJECTS).encode())
        connection.execute("VACUUM ANALYZE")


def succeeded(result: Result) -> None:
    """Raises RuntimeError where a deploy did not succeed."""
    if not result.ok:
        raise RuntimeError(result.text)


def round_of(database: Database, **more: int) -> tuple[float, float]:
    """Returns the seconds of the lock and of the longest stall, in one rollback; migrates before it."""
    succeeded(migrate(database.settings()))
    # What the clients of the round before wrote.
    database.run("DELETE FROM project_equipment_groups WHERE name ~ '^[0-9]+-[0-9]+$'")
    with Writers(database, count=4) as writers, Watch(database) as watch:
        time.sleep(1)
        succeeded(rollback(database.settings(**more)))
    if writers.errors:
        raise RuntimeError(writers.errors[0])
    return watch.seconds, writers.longest_s


def main(groups: int = GROUPS, rounds: int = ROUNDS) -> None:
    """Makes the database, runs the rounds and prints seconds and ratio."""
    with scratch_server(version=18) as found:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        with server.database("empty") as database:
            fill(database, groups)
            size = database.value("SELECT pg_size_pretty(pg_table_size('project_equipment_groups'))")
            print(f"{groups} groups in {size}, PostgreSQL {found.version}, 4 clients", flush=True)
            seconds: dict[str, list[float]] = {"before": [], "within": []}
            for _ in range(rounds):
                for where, more in (("before", {}), ("within", {"pg_build_from_mib": 1_000_000})):
                    locked, stalled = round_of(database, **more)
                    seconds[where].append(locked)
                    print(f"index built {where} the cut-over: locked {locked:.2f} s, stall {stalled:.2f} s", flush=True)
    ratio = median(seconds["within"]) / median(seconds["before"])
    print(f"locked, within / before: {ratio:.1f}; before: {median(seconds['before']):.2f} s (wanted: below 1 s)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
