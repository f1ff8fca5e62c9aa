"""How long pending migrations take on a new database, and on tables that are there, beside psql running the same files.

Usage: python -m tests.bench.migrations [ROUNDS [DBMATE]], by default three rounds; DBMATE is that program, which then
runs the same files, too. In each round the tools take turns, each on a database of its own, without backup and
rehearsal, which the others do not have. Printed are medians in seconds and their ratios: of migrations of one line
that make a table, from 10 to 1,000 of them; of one ALTER for each of 100 tables that hold rows; and how long a
step of one ALTER holds its lock where there are 2,000 tables.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import tell
from tests.bench.status import MAKE, TOGETHER, seconds
from tests.support.cli import Site
from tests.support.harness import migrate
from tests.support.migrations import record
from tests.support.servers import Database, Server

ROUNDS = 3
SIZES = (10, 100, 1_000)
ALTERED, TABLES = 100, 2_000
_LOCKED = "SELECT 1 FROM pg_locks WHERE relation = %s AND mode = 'AccessExclusiveLock' AND granted"


def write(folder: Path, statements: Iterable[str], server: Server, baseline: str = "") -> Path:
    """Writes and records a migration for each statement."""
    folder.mkdir(parents=True)
    if baseline:
        (folder / "baseline.sql").write_text(baseline)
    for number, statement in enumerate(statements, start=1):
        (folder / f"{number:05}_one.sql").write_text(f"{statement};\n")
    record(folder, server)
    return folder


def psql(database: Database, files: list[Path], *, together: bool) -> float:
    """Returns how long psql takes: one process for each file, or one for all."""
    server = database.server
    command = [str(server.bin_dir / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-d", conninfo(database)]
    runs = (
        [[word for file in files for word in ("-f", str(file))]] if together else [["-f", str(file)] for file in files]
    )
    began = time.monotonic()
    for files_of in runs:
        subprocess.run([*command, *files_of], check=True, capture_output=True)
    return time.monotonic() - began


def conninfo(database: Database) -> str:
    """Returns where psql finds a database."""
    return " ".join(f"{name}={value}" for name, value in {**database.server.conninfo, "dbname": database.name}.items())


def dbmate(database: Database, files: list[Path], program: str, folder: Path) -> float:
    """Returns how long dbmate takes."""
    folder.mkdir()
    for file in files:
        (folder / file.name).write_text(f"-- migrate:up\n{file.read_text()}-- migrate:down\n")
    found = database.server.conninfo
    url = f"postgres://{found['user']}@/{database.name}?host={found['host']}&port={found['port']}&sslmode=disable"
    began = time.monotonic()
    subprocess.run([program, "--no-dump-schema", "-d", str(folder), "-u", url, "up"], check=True, capture_output=True)
    return time.monotonic() - began


def ours(site: Site, database: Database, sql: Path) -> float:
    """Returns how long migrate.py takes as an operator runs it."""
    settings = database.settings(pg_sql_dir=str(sql), pg_batch_from=10)
    return seconds(site, site.write_inventory(f"of_{database.name}", {"@local": settings}), "deploy/migrate.py")


def compared(
    title: str, rounds: int, tools: dict[str, Callable[[Database], float]], server: Server, before: str, wanted: str
) -> None:
    """Has the tools take turns, and prints medians and ratios.

    + before: SQL that makes what is there
    """
    took: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            with server.database("empty") as database:
                if before:
                    database.run(before)
                took[name].append(tool(database))
    tell(title, "s", took, wanted)


def lock_ms(server: Server, folder: Path, rounds: int) -> None:
    """Prints how long others find a table locked by a step of one ALTER, on many tables."""
    sql = write(folder, [f"ALTER TABLE many_{number} ADD COLUMN more integer" for number in range(1, rounds + 1)], server,
                MAKE.format(first=1, last=rounds))  # fmt: skip
    took = []
    with server.database("empty") as database:
        for first in range(1, TABLES + 1, TOGETHER):
            database.run(MAKE.format(first=first, last=min(first + TOGETHER - 1, TABLES)))
        database.run("VACUUM ANALYZE")
        for number in range(1, rounds + 1):
            with ThreadPoolExecutor(max_workers=1) as pool, server.connect(database.name) as watcher:
                done = threading.Event()
                seen = pool.submit(_held_ms, watcher, f"many_{number}", done)
                result = migrate(database.settings(pg_sql_dir=str(sql), pg_target=number))
                done.set()
                if not result.ok:
                    raise RuntimeError(result.text)
                took.append(seen.result())
    tell(f"lock of one ALTER, {TABLES} tables", "ms", {"held": took}, "20 ms")


def _held_ms(session: psycopg.Connection[Any], table: str, done: threading.Event) -> float:
    """Returns for how long a table was seen locked against everybody, in milliseconds."""
    (oid,) = session.execute("SELECT %s::regclass::oid::bigint", [table]).fetchone() or (0,)
    times = []
    while not done.is_set():
        if session.execute(_LOCKED, [oid], prepare=True).fetchone() is not None:
            times.append(time.monotonic())
        time.sleep(0.0005)
    return 1000 * (times[-1] - times[0])


def main(rounds: int = ROUNDS, program: str = "") -> None:
    """Runs all of it."""
    with tempfile.TemporaryDirectory() as place, scratch_server(version=18) as found:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        folder = Path(place)
        site = Site.make(folder)

        def tools(sql: Path) -> dict[str, Callable[[Database], float]]:
            files = sorted(file for file in sql.glob("*.sql") if file.name != "baseline.sql")
            known: dict[str, Callable[[Database], float]] = {
                "migrate.py": lambda database: ours(site, database, sql),
                "psql, a process a file": lambda database: psql(database, files, together=False),
                "psql, one process": lambda database: psql(database, files, together=True),
            }
            if program:
                known["dbmate"] = lambda database: dbmate(database, files, program, folder / database.name)
            return known

        for size in SIZES:
            made = [f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text)" for number in range(size)]
            sql = write(folder / f"new{size}", made, server)
            compared(f"{size} tables, new database", rounds, tools(sql), server, "", "1.0 times dbmate")
        there = "".join(
            f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text);"
            f"INSERT INTO t{number} SELECT n, 'x' FROM generate_series(1, 100) AS n;"
            for number in range(ALTERED)
        )
        altered = [f"ALTER TABLE t{number} ADD COLUMN more integer" for number in range(ALTERED)]
        sql = write(folder / "altered", altered, server, there)
        compared(f"{ALTERED} ALTERs of tables with rows", rounds, tools(sql), server, there, "2.0 times dbmate")
        lock_ms(server, folder / "lock", max(rounds, 3))


if __name__ == "__main__":
    main(*(int(one) if place == 0 else one for place, one in enumerate(sys.argv[1:])))  # type: ignore[arg-type]
