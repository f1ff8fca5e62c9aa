"""Captures what psql answers on every named state, on each of VERSIONS, into tests/captured.

    make capture                            # all of them
    make capture STATES="legacy applied-1"  # some; all others are left as they were captured

Look at the difference afterwards (git diff --stat tests/captured): it is what changed in what the library reads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.conftest import Machines
from tests.support.captured import FOLDER, VERSIONS, Document, document, files_of
from tests.support.state_maker import Maker
from tests.support.states import STATES
from tests.support.summary import Summary

_AT_A_TIME = 4


def captured(version: int, names: Sequence[str]) -> dict[str, Document]:
    """Returns what psql answers on states, on a server of its own."""
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgmigrate-capture-")))
        server = Machines(stack, folder, Summary()).server(version)
        # Nothing of it is to outlive the capture.
        server.administer("ALTER SYSTEM SET fsync = off")
        with server.connect("postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")
        maker = Maker(server, stack.enter_context(ExitStack()))
        found = {name: maker.document(name) for name in names}
    sys.stdout.write(f"PostgreSQL {version}: {len(found)} states in {time.monotonic() - begun:.0f} s\n")
    sys.stdout.flush()
    return found


def main() -> None:
    """Writes the files of all versions; what is there and no state's any more goes."""
    parser = argparse.ArgumentParser(description="Capture what psql answers on every named state.")
    parser.add_argument("states", nargs="*", metavar="STATE", help="only these; all others stay as they are")
    names = parser.parse_args().states or list(STATES)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_AT_A_TIME, mp_context=context) as pool:
        found = dict(zip(VERSIONS, pool.map(partial(captured, names=names), VERSIONS), strict=True))
    documents = {
        version: {name: of_version[name] if name in of_version else document(version, name) for name in STATES}
        for version, of_version in found.items()
    }
    files = files_of(documents)
    for path in FOLDER.glob("*/*.json"):
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(files)} files, {sum(len(text.encode()) for text in files.values()):,} bytes\n")


if __name__ == "__main__":
    main()
