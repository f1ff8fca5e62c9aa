"""``pgmigrate new``: writes the skeleton of a migration."""

from __future__ import annotations

import argparse
import re

from ..errors import Kind, PgMigrateError
from ..migrations.files import read_folder
from .writing import tell, write_new

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SKELETON = """\
-- purpose: {purpose}
-- phase: schema

"""


def run(options: argparse.Namespace) -> int:
    """Writes NNN_name.sql with the next number; returns 0. Raises PgMigrateError for a name that is none."""
    if not _NAME.fullmatch(options.name):
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot name a migration "{options.name}"',
            detail=f'Found "{options.name}"; expected lower case letters, digits and _, beginning with a letter.',
            hint="Run: pgmigrate new add_customer_email",
        )
    migrations = read_folder(options.folder) if any(options.folder.glob("[0-9]*_*.sql")) else []
    width = max((len(migration.name.split("_")[0]) for migration in migrations), default=3)
    number = max((migration.version for migration in migrations), default=0) + 1
    path = options.folder / f"{number:0{width}}_{options.name}.sql"
    write_new(path, _SKELETON.format(purpose=options.name.replace("_", " ")))
    tell(f"wrote {path}; write the change into it, then run: pgmigrate record {options.folder}")
    return 0
