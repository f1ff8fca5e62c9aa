"""``pgmigrate draft-rollback``: writes a first draft of a rollback script, tried on a scratch database."""

from __future__ import annotations

import argparse
import re

from ..errors import Kind, PgMigrateError
from ..migrations.files import read_folder
from ..rollback.drafts import draft
from .record import server_of
from .writing import tell, there_already, write_new

_RANGE = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]+)")


def run(options: argparse.Namespace) -> int:
    """Writes rollback_FIRST_LAST.sql; returns 0.

    Raises PgMigrateError for a range that is none, and a file that is there already.
    """
    found = _RANGE.fullmatch(options.range)
    if found is None:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot draft the way back of "{options.range}"',
            detail=f'Found "{options.range}"; expected the first and the last number, such as 001-006.',
            hint="Run: pgmigrate draft-rollback 001-006",
        )
    first, last = int(found["first"]), int(found["last"])
    known = [one for one in read_folder(options.folder) if first <= one.version <= last]
    ends = [one.name.split("_")[0] for one in (known[0], known[-1])] if known else [found["first"], found["last"]]
    path = options.folder / f"rollback_{ends[0]}_{ends[1]}.sql"
    if path.exists():
        raise there_already(path)
    with server_of(options) as conninfo:
        drafted = draft(options.folder, first, last, conninfo, is_throwaway=options.server is None, tell=tell)
    write_new(path, drafted.text)
    if drafted.todos:
        tell(f"{len(drafted.todos)} line{'s' if len(drafted.todos) > 1 else ''} of it say TODO: they need a hand")
    tell(f"wrote {path}; read it line by line, then try it: deploy/rollback.py on a staging host, with --dry first")
    return 0
