"""The shipped migrations as tests use them: run by hand, copied, recorded again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pyinfra_pgmigrate.migrations.files import Migration, load_folder
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.support.servers import SQL, Database, Server

MIGRATIONS = load_folder(SQL)
NAMES = [migration.name for migration in MIGRATIONS]


def run_statement(database: Database, migration: Migration, number: int) -> None:
    """Runs one statement of a migration by hand, as an operator with psql would."""
    database.run(migration.statements[number - 1].text)


def run_by_hand(database: Database, last: int = 6) -> None:
    """Runs all statements of the first migrations by hand; no registry is written."""
    for migration in MIGRATIONS[:last]:
        for statement in migration.statements:
            database.run(statement.text)


def copied(folder: Path) -> Path:
    """Returns a copy of the SQL folder that a test may change."""
    target = folder / "sql"
    shutil.copytree(SQL, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


def record(folder: Path, server: Server) -> None:
    """Records the effects of a folder on a server."""
    conninfo = " ".join(f"{name}='{value}'" for name, value in server.conninfo.items())
    for name, text in record_folder(folder, f"{conninfo} dbname=postgres").items():
        (folder / name).write_text(text, encoding="utf-8")


def replace_in(path: Path, pattern: str, by: str) -> None:
    """Replaces the one place in a file that fits a pattern."""
    text, count = re.subn(pattern, by, path.read_text(encoding="utf-8"))
    if count != 1:
        raise LookupError(f"{pattern} occurs {count} times in {path.name}")
    path.write_text(text, encoding="utf-8")
