"""``pgmigrate record``: runs the migrations on a scratch database and writes their effects."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from ..container import container_server
from ..embedded import DEFAULT_VERSION, scratch_server
from ..migrations.files import read_baseline, read_folder
from ..migrations.record import record_folder
from .writing import tell, writing


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
    """Writes an effect file beside each migration, and says which changed; returns 0.

    Raises PgMigrateError for a file that breaks a rule, and a statement that fails.
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
    return 0
