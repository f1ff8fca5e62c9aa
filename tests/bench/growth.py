"""How what a run takes grows with what there is: migrations, tables and partitions, from 10 to 10,000.

Usage: python -m tests.bench.growth [MOST], by default up to 10,000. Each size is measured once, as an operator runs it,
on a server of its own; printed are seconds for each size, and in what power of it they grow at the end.
"""

from __future__ import annotations

import compileall
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import noted
from tests.bench.migrations import write as write_recorded
from tests.bench.recording import recorded_s, write
from tests.bench.status import MAKE, TOGETHER, seconds
from tests.support.cli import Site
from tests.support.servers import ROOT, Database, Server

SIZES = (10, 100, 1_000, 10_000)
# A transaction holds a lock on each partition and its index: with all of them below what a server has by default.
MOST_PARTITIONS = 3_000
_PARTED = (
    "CREATE TABLE parted (id bigint NOT NULL, day integer NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
)
_PARTITIONS = """
DO $$
BEGIN
    FOR i IN {first}..{last} LOOP
        EXECUTE format('CREATE TABLE parted_%1$s PARTITION OF parted FOR VALUES FROM (%1$s) TO (%2$s)', i, i + 1);
    END LOOP;
END
$$
"""


def main(most: int = SIZES[-1]) -> None:
    """Runs all of it."""
    compileall.compile_dir(ROOT / "deploy" / "pyinfra_pgmigrate", quiet=2)
    sizes = [size for size in SIZES if size <= most]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        recording = {size: _recorded(folder / f"of{size}", size) for size in sizes}
        tell("recording so many migrations of one line", recording)
        with scratch_server(version=18) as found:
            server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
            site = Site.make(folder)
            pending, applied = {}, {}
            for size in sizes:
                with server.database("empty") as database:
                    settings = database.settings(pg_sql_dir=str(folder / f"of{size}"))
                    inventory = site.write_inventory(f"of{size}", {"@local": settings})
                    pending[size] = seconds(site, inventory, "deploy/migrate.py")
                    applied[size] = seconds(site, inventory, "deploy/migrate.py")
            tell("so many migrations of one line, new database", pending)
            tell("nothing to do, so many migrations applied", applied)
            altered, unchanged = _beside(
                site, server, folder / "tables", sizes, _tables, "many_1", MAKE.format(first=1, last=1)
            )
            tell("one ALTER beside so many tables", altered)
            tell("nothing to do beside so many tables", unchanged)
            parts = sorted({min(size, MOST_PARTITIONS) for size in sizes})
            altered, _ = _beside(site, server, folder / "partitions", parts, _partitions, "parted", _PARTED)
            tell("one ALTER of a table with so many partitions", altered)


def tell(what: str, took: dict[int, float]) -> None:
    """Prints the seconds for each size, and the power of the size in which they grow at the end."""
    (size, before), (most, last) = list(took.items())[-2:]
    power = math.log(last / before) / math.log(most / size)
    found = ", ".join(f"{count}: {one:.3g} s" for count, one in took.items())
    print(f"{what}: {found}; at the end as its size to the power of {power:.2f} (wanted: 1 at most)", flush=True)
    noted({"what": what, "unit": "s", "growth": {str(count): one for count, one in took.items()}, "power": power})


def _recorded(folder: Path, count: int) -> float:
    folder.mkdir()
    for number in range(1, count + 1):
        write(folder, number)
    return recorded_s(folder)


def _tables(database: Database, count: int) -> None:
    for first in range(1, count + 1, TOGETHER):
        database.run(MAKE.format(first=first, last=min(first + TOGETHER - 1, count)))


def _partitions(database: Database, count: int) -> None:
    database.run(_PARTED)
    for first in range(1, count + 1, TOGETHER):
        database.run(_PARTITIONS.format(first=first, last=min(first + TOGETHER - 1, count)))


def _beside(
    site: Site,
    server: Server,
    folder: Path,
    sizes: list[int],
    make: Callable[[Database, int], None],
    table: str,
    baseline: str,
) -> tuple[dict[int, float], dict[int, float]]:
    """Returns what a run with one ALTER takes where there is so much, and one that finds nothing to do, by size."""
    sql = write_recorded(folder, [f"ALTER TABLE {table} ADD COLUMN more integer"], server, baseline)
    altered, unchanged = {}, {}
    for size in sizes:
        with server.database("empty") as database:
            make(database, size)
            database.run("VACUUM ANALYZE")
            inventory = site.write_inventory(f"{table}_{size}", {"@local": database.settings(pg_sql_dir=str(sql))})
            altered[size] = seconds(site, inventory, "deploy/migrate.py")
            unchanged[size] = seconds(site, inventory, "deploy/migrate.py")
    return altered, unchanged


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
