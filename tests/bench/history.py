"""How long a real history takes on a new database, beside psql running the same files.

Usage: python -m tests.bench.history FOLDER [ROUNDS [VERSION SOCKET PORT USER BIN_DIR]]. FOLDER holds migrations with
recorded effects, such as those of a public project (``pgmigrate import``, ``pgmigrate record``), which are not part of
this one; the server is an embedded one, or that which is named, for histories that need extensions.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.migrations import compared, ours, psql
from tests.support.cli import Site
from tests.support.servers import Server

ROUNDS = 3


@contextmanager
def server_of(version: str = "18", *found: str) -> Iterator[Server]:
    """Yields the server that is named, or one that is started for it."""
    if found:
        host, port, user, bin_dir = found
        server = Server(int(version), {"host": host, "port": int(port), "user": user}, Path(bin_dir))
        try:
            yield server
        finally:
            for template in server.templates.values():
                server.administer("DROP DATABASE {}", template)
        return
    with scratch_server(version=int(version)) as scratch:
        conninfo = {"host": scratch.host, "port": scratch.port, "user": scratch.user}
        yield Server(int(version), conninfo, scratch.bin_dir)


def main(folder: Path, rounds: int = ROUNDS, *named: str) -> None:
    """Runs all of it."""
    files = sorted(file for file in folder.glob("*.sql") if file.name.count(".") == 1 and file.name != "baseline.sql")
    baseline = folder / "baseline.sql"
    with tempfile.TemporaryDirectory() as place, server_of(*named) as server:
        site = Site.make(Path(place))
        tools = {
            "migrate.py": lambda database: ours(site, database, folder),
            "psql, a process a file": lambda database: psql(database, files, together=False),
        }
        before = baseline.read_text() if baseline.exists() else ""
        wanted = "1.5 times psql, a process a file"
        compared(f"{folder.parent.name}, {len(files)} migrations", rounds, tools, server, before, wanted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]), *sys.argv[3:])  # type: ignore[arg-type]
