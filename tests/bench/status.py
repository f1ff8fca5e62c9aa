"""How long status.py takes on a database with 2,000 tables, beside a pyinfra run that does nothing.

Usage: python -m tests.bench.status [TABLES [ROUNDS]], by default 2,000 tables and seven rounds. Each round runs
pyinfra twice as an operator would, on a file that imports pyinfra and on deploy/status.py, in turns: once as the
migrations left the database, and once with a table made by hand.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import tell
from tests.bench.rollbacks import succeeded
from tests.support.cli import PYINFRA, Site
from tests.support.harness import migrate
from tests.support.servers import ROOT, Server

TABLES, ROUNDS = 2_000, 7
MAKE = """
DO $$
BEGIN
    FOR i IN {first}..{last} LOOP
        EXECUTE format(
            'CREATE TABLE many_%1$s (id bigint PRIMARY KEY, name text NOT NULL DEFAULT '''', amount numeric(10, 2),'
            ' made_at timestamptz DEFAULT now(), owner uuid, parent bigint, note text, flag boolean);'
            ' CREATE INDEX ON many_%1$s (owner, made_at)', i
        );
    END LOOP;
END
$$
"""
# A transaction holds a lock on each table it makes.
TOGETHER = 500


def seconds(site: Site, *arguments: str) -> float:
    """Returns how long a pyinfra command takes. Raises RuntimeError where it fails."""
    # Python modules come compiled to an operator.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    ended = subprocess.run(
        [str(PYINFRA), "-y", *arguments], cwd=site.folder, env=environment, capture_output=True, text=True, check=False
    )
    took = time.monotonic() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return took


def main(tables: int = TABLES, rounds: int = ROUNDS) -> None:
    """Makes the database, runs the rounds and prints seconds and difference."""
    compileall.compile_dir(ROOT / "deploy" / "pyinfra_pgmigrate", quiet=2)
    with tempfile.TemporaryDirectory() as folder, scratch_server(version=18) as found:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        with server.database("legacy") as database:
            for first in range(1, tables + 1, TOGETHER):
                database.run(MAKE.format(first=first, last=min(first + TOGETHER - 1, tables)))
            succeeded(migrate(database.settings()))
            database.run("VACUUM ANALYZE")
            lines = len(database.catalog().lines)
            print(f"{tables} tables, {lines} catalog lines, PostgreSQL {found.version}", flush=True)
            site = Site.make(Path(folder))
            inventory = site.write_inventory("many", {"@local": database.settings(pg_report=True)})
            (site.folder / "empty.py").write_text("from pyinfra import host\n")
            what = f"status.py, {tables} tables"
            tell(what, "s", measured(site, inventory, rounds), "0.2 s more than an empty file")
            # Then all of the catalog is read.
            database.run("CREATE TABLE by_hand (id integer)")
            tell(f"{what}, one made by hand", "s", measured(site, inventory, rounds), "0.5 s more than an empty file")


def measured(site: Site, inventory: str, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds of some rounds."""
    took: dict[str, list[float]] = {"deploy/status.py": [], "empty.py": []}
    for number in range(rounds + 1):
        for what, so_far in took.items():
            one = seconds(site, inventory, what)
            # The first round fills caches.
            if number:
                so_far.append(one)
    return took


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
