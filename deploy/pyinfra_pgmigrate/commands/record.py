"""``pgmigrate record``: runs migrations on a scratch database and writes their effects, once or after each change."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..container import container_server
from ..embedded import DEFAULT_VERSION, scratch_server
from ..errors import PgMigrateError
from ..migrations.files import read_baseline, read_folder
from ..migrations.record import record_folder
from ..units import visible
from .writing import tell, writing

# Seconds between two looks at a folder; what is written in pieces, as by an editor, is left alone for so long first.
_LOOK_EVERY_S = 0.3
# What recording writes itself.
_OURS = (".effect", ".partial")


@contextmanager
def server_of(options: argparse.Namespace) -> Iterator[str]:
    """Yields how to reach the given server, or one in a container or an embedded one that is there meanwhile."""
    if options.server is not None:
        yield options.server
        return
    if options.docker is not None:
        tell(f"starting PostgreSQL in a container of {options.docker}")
        with container_server(options.docker) as conninfo:
            yield conninfo
        return
    tell(f"starting an embedded PostgreSQL {DEFAULT_VERSION}")
    with scratch_server() as server:
        yield server.conninfo()


def run(options: argparse.Namespace) -> int:
    """Writes an effect file beside each migration, and says which changed; returns 0. With --watch it does not return.

    Raises PgMigrateError for a file that breaks a rule, and a statement that fails; with --watch that is told, and what
    comes next is the next change.
    """
    if not options.watch:
        _record(options, tells_all=True)
        return 0
    while True:
        before = _stamp(options.folder)
        try:
            _record(options, tells_all=False)
        except PgMigrateError as error:
            print(visible(str(error)), file=sys.stderr, flush=True)
        options.all = False
        tell(f"watching {options.folder}; Ctrl-C ends it")
        _wait_for_change(options.folder, before)


def _stamp(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Returns what tells whether the files of a folder are as they were, but for those that recording writes."""
    found = set()
    try:
        for entry in os.scandir(folder):
            if not entry.name.endswith(_OURS):
                status = entry.stat()
                found.add((entry.name, status.st_mtime_ns, status.st_size))
    except OSError:
        # One that is not there at this moment is there again at the next look.
        found.add(("", 0, 0))
    return frozenset(found)


def _wait_for_change(folder: Path, before: frozenset[tuple[str, int, int]]) -> None:
    """Waits until a folder is another than before, and the same at two looks."""
    last = before
    while True:
        time.sleep(_LOOK_EVERY_S)
        now = _stamp(folder)
        if now == last != before:
            return
        last = now


def _record(options: argparse.Namespace, *, tells_all: bool) -> None:
    """Writes the effect files.

    + tells_all: also those that stay as they are
    """
    # What the files themselves show is said before a server is started.
    migrations = read_folder(options.folder)
    read_baseline(options.folder)
    with server_of(options) as conninfo:
        texts = record_folder(
            options.folder,
            conninfo,
            migrations=migrations,
            is_throwaway=options.server is None,
            tell=tell,
            reuses=not options.all,
        )
    for name, text in texts.items():
        path = options.folder / name
        before = path.read_bytes() if path.is_file() else None
        if before == text.encode():
            if tells_all:
                tell(f"{name}: as before")
            continue
        draft = path.with_name(f"{name}.partial")
        with writing(path):
            try:
                draft.write_bytes(text.encode())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        tell(f"{name}: {'recorded' if before is None else 'changed, look at it: git diff ' + str(path)}")
