"""Reads the revisions of Alembic as SQL: it writes them itself, in its offline mode."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..sqltext.grammar import SqlSyntaxError
from ..sqltext.parser import split
from .history import Entry, ForeignHistory, numbered

# Source: Alembic documentation, "Generating SQL Scripts (a.k.a. Offline Mode)".
_RUNNING = re.compile(r"^-- Running (?:upgrade|downgrade) (?P<before>\S*) -> (?P<after>\S*)$", re.MULTILINE)
_ITS_OWN = re.compile(
    r"(?:CREATE TABLE|DROP TABLE|INSERT INTO|UPDATE|DELETE FROM)\s+(?:\w+\.)?alembic_version\b", re.IGNORECASE
)


def configuration_of(folder: Path) -> Path | None:
    """Returns the alembic.ini of a folder, which holds it or is its folder of scripts; None where there is none."""
    if (folder / "alembic.ini").is_file():
        return folder / "alembic.ini"
    if (folder / "env.py").is_file() and (folder / "versions").is_dir():
        return next((one / "alembic.ini" for one in folder.absolute().parents if (one / "alembic.ini").is_file()), None)
    return None


def read_alembic(configuration: Path) -> ForeignHistory:
    """Returns the history that Alembic writes from its revisions; its env.py runs on this machine.

    Raises PgMigrateError: settings, where the command is not there or fails; file, where its history has branches.
    """
    up = _parts(_offline(configuration, "upgrade", "base:heads"), configuration)
    if not up:
        return ForeignHistory("Alembic", ())
    left_out: list[tuple[str, str]] = []
    try:
        back = _parts(_offline(configuration, "downgrade", f"{up[-1][1]}:base"), configuration)
    except PgMigrateError as error:
        back = []
        left_out.append(("the ways back", error.refusal.detail))
    down = {before: text for before, _, text in back}
    entries = []
    for place, (before, after, text) in enumerate(up):
        if before != (up[place - 1][1] if place else ""):
            raise PgMigrateError(
                Kind.FILE,
                f"cannot import revision {after}: its history has branches",
                detail=f'Found "{before}" before it; expected one line of revisions.',
                hint="Merge them first: alembic merge heads",
            )
        entries.append(Entry(after, 0, _name_of(configuration, after), text, down.get(after, ""), after))
    return numbered(ForeignHistory("Alembic", tuple(entries), tuple(left_out)))


def _offline(configuration: Path, command: str, revisions: str) -> str:
    program = shutil.which("alembic")
    if program is None:
        raise PgMigrateError(
            Kind.SETTINGS,
            "could not read the revisions of Alembic: the command alembic is not there",
            detail="Found no program alembic in PATH; expected that of the project.",
            hint="Activate the project's environment, or run: pip install alembic",
        )
    line = [program, "-c", str(configuration.absolute()), command, revisions, "--sql"]
    done = subprocess.run(
        line, cwd=configuration.absolute().parent, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise PgMigrateError(
            Kind.SETTINGS,
            f"could not read the revisions of Alembic: alembic {command} ended with status {done.returncode}",
            detail=f"Found: {' '.join(done.stderr.split())[-300:]}; expected SQL.",
            hint=f"Try by hand: alembic -c {configuration} {command} {revisions} --sql",
        )
    return done.stdout


def _parts(text: str, configuration: Path) -> list[tuple[str, str, str]]:
    """Returns from, to and SQL of each revision, without what Alembic writes for itself."""
    found = list(_RUNNING.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    parts = []
    for one, end in zip(found, ends, strict=True):
        body = text[one.end() : end]
        try:
            statements = split(body)
        except SqlSyntaxError as error:
            raise PgMigrateError(
                Kind.FILE,
                f"cannot import revision {one['after'] or one['before']} of Alembic: {error.message}",
                detail="Found SQL that PostgreSQL's grammar does not take; expected that of dialect postgresql.",
                hint=f"Look at sqlalchemy.url in {configuration}.",
            ) from error
        kept = [each.text for each in statements if each.node != "transaction_stmt" and not _ITS_OWN.match(each.text)]
        parts.append((one["before"], one["after"], "".join(f"{each};\n\n" for each in kept)))
    return parts


def _name_of(configuration: Path, revision: str) -> str:
    """Returns the subject of a revision, from the name of its file."""
    path = next(configuration.absolute().parent.rglob(f"versions/**/*{revision}*.py"), None)
    name = "" if path is None else path.stem.replace(revision, "").strip("_-")
    return name or revision
