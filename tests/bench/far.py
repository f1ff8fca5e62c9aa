"""How often a run waits for the way to a distant host, beside pyinfra running one psql command.

Usage: python -m tests.bench.far [ROUNDS], by default three rounds. pyinfra reaches a dockerized host over SSH, once
directly and once on a way that takes 25 ms in each direction. How much longer that takes, in units of 50 ms, is the number
of round trips: of a file with one psql command, of migrate.py that finds nothing to do, and of migrate.py with 10 and
with 100 pending ALTERs.
"""

from __future__ import annotations

import asyncio
import compileall
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from pyinfra_pgmigrate.migrations.record import record_folder

from tests.bench.figures import tell
from tests.bench.status import seconds
from tests.docker.hosts import DockerHost, docker_host
from tests.support.cli import Site
from tests.support.servers import ROOT, Database, Server

ROUNDS = 3
ONE_WAY_S = 0.025
COUNTS = (10, 100)
BARE = """
from pyinfra.operations import server

server.shell(commands=["psql -X -d postgres -c 'SELECT 1'"])
"""


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while data := await source.read(65536):
        loop.call_later(ONE_WAY_S, target.write, data)
    loop.call_later(ONE_WAY_S, target.close)


@contextmanager
def long_way(host: str, port: int) -> Iterator[int]:
    """Yields a port of this machine that leads to another one, on a way that takes ONE_WAY_S in each direction."""
    loop = asyncio.new_event_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _folder(place: Path, host: DockerHost, count: int) -> Path:
    """Returns migrations that alter so many tables of the baseline."""
    place.mkdir()
    (place / "baseline.sql").write_text("".join(f"CREATE TABLE t{number} (id bigint);\n" for number in range(count)))
    for number in range(count):
        (place / f"{number + 1:05}_one.sql").write_text(f"ALTER TABLE t{number} ADD COLUMN more integer;\n")
    for name, text in record_folder(place, " ".join(f"{key}='{value}'" for key, value in host.conninfo.items())
                                    + " dbname=postgres").items():  # fmt: skip
        (place / name).write_text(text)
    return place


def main(rounds: int = ROUNDS) -> None:
    """Runs all of it."""
    compileall.compile_dir(ROOT / "deploy" / "pyinfra_pgmigrate", quiet=2)
    with tempfile.TemporaryDirectory() as name, docker_host(17, Path(name)) as host, long_way(host.address, 22) as port:
        place = Path(name)
        site = Site.make(place)
        (site.folder / "bare.py").write_text(BARE)
        server = Server(17, host.conninfo, Path("/usr/bin"))

        def inventories(title: str, **data: Any) -> list[str]:
            known = {**site.over_ssh(host), "pg_database": title, **data}
            return [
                site.write_inventory(f"near_{title}", {host.address: known}),
                site.write_inventory(f"far_{title}", {"127.0.0.1": {**known, "ssh_port": port}}),
            ]

        took: dict[str, list[float]] = {}

        def measured(what: str, ways: list[str], file: str) -> None:
            near, far = (seconds(site, way, file) for way in ways)
            took.setdefault(what, []).append((far - near) / (2 * ONE_WAY_S))

        for number in range(rounds + 1):
            for count in COUNTS:
                sql = place / f"of{count}"
                if not sql.exists():
                    _folder(sql, host, count)
                title = f"of{count}"
                ways = inventories(title, pg_sql_dir=str(sql))
                pair = []
                for way in ways:
                    server.administer("CREATE DATABASE {}", title)
                    database = Database(server, title)
                    database.run((sql / "baseline.sql").read_text())
                    database.close()
                    pair.append(seconds(site, way, "deploy/migrate.py"))
                    if way == ways[0]:
                        server.administer("DROP DATABASE {} WITH (FORCE)", title)
                took.setdefault(f"migrate.py, {count} pending", []).append((pair[1] - pair[0]) / (2 * ONE_WAY_S))
                if count == COUNTS[-1]:
                    measured("migrate.py, nothing to do", ways, "deploy/migrate.py")
                    measured("pyinfra and psql", ways, "bare.py")
                server.administer("DROP DATABASE {} WITH (FORCE)", title)
            if number == 0:
                # The first round fills caches.
                took.clear()
        first = "migrate.py, nothing to do"
        ordered = {first: took[first], **{what: values for what, values in took.items() if what != first}}
        tell("host at 50 ms", "round trips", ordered, "2 more than pyinfra and psql")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
