"""``pgmigrate import``: writes the migrations of another tool as files of this one; theirs stay as they are."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Kind, PgMigrateError, Refusal
from ..importing.alembic import configuration_of, read_alembic
from ..importing.history import ForeignHistory, read_foreign
from ..migrations.files import phase_of
from ..migrations.script import (
    read_script,
    read_statements,
    split_statements,
    with_local_settings,
    without_transactions,
)
from ..sqltext.parser import Statement, begins_transaction, commits_transaction
from .writing import tell, there_already, write_new

# What an index statement outside a transaction begins with.
_CONCURRENTLY = re.compile(r"(DROP\s+INDEX|CREATE\s+(?:UNIQUE\s+)?INDEX)\s+CONCURRENTLY\b", re.IGNORECASE)

_ONE_TRANSACTION = "BEGIN and COMMIT within it are left out: all of it is one transaction"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Imported:
    """Files to write.

    + texts: by name
    + left_out: files, or ways back, that are not among them, with the reason
    + refused: statements in them that ``record`` and ``migrate`` will not run
    """

    texts: dict[str, str]
    left_out: tuple[tuple[str, str], ...]
    refused: tuple[Refusal, ...]


def run(options: argparse.Namespace) -> int:
    """Imports the folder that the command line names; see ``import_folder``."""
    return import_folder(options.source, options.folder)


def import_folder(source: Path, folder: Path) -> int:
    """Writes what is in the folder of another tool into an SQL folder, and says what needs a hand.

    Returns 0, or 1 where something of it is missing, or must be changed before it can be recorded.
    Raises PgMigrateError for a folder that is not there or not empty, and a file that cannot be read.
    """
    there = [path.name for path in sorted(folder.glob("[0-9]*.sql"))] if folder.is_dir() else []
    if folder.resolve() == source.resolve():
        there.append(source.name)
    if there:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not import into "{folder}": there are migrations in it',
            detail=f'Found "{there[0]}"; expected another folder, without migrations.',
            hint=f"Name another one: pgmigrate import {source} --dir NEW_FOLDER",
        )
    configuration = configuration_of(source)
    history = read_foreign(source) if configuration is None else read_alembic(configuration)
    imported = converted(history)
    for name in imported.texts:
        if (folder / name).exists():
            raise there_already(folder / name)
    for name, text in imported.texts.items():
        write_new(folder / name, text)
    count = len(history.entries)
    backs = len(imported.texts) - count
    tell(f"{history.tool}: wrote {count} migrations and {backs} rollback scripts into {folder}")
    for name, reason in imported.left_out:
        tell(f"not as it was: {name}: {reason}")
    for name, reason in history.unread:
        tell(f"not imported: {name}: {reason}")
    for refusal in imported.refused:
        tell(str(refusal))
    if imported.refused or history.unread:
        count = len(imported.refused) + len(history.unread)
        tell(f"{count} of them need{'s' if count == 1 else ''} a hand; then run: pgmigrate record {folder}")
        return 1
    tell(f"next: pgmigrate record {folder}")
    return 0


def converted(history: ForeignHistory) -> Imported:
    """Returns the files that say the same as another tool's."""
    width = max(3, *(len(str(entry.version)) for entry in history.entries))
    texts: dict[str, str] = {}
    backs: dict[str, str] = {}
    left_out = list(history.left_out)
    refused: list[Refusal] = []
    for entry in history.entries:
        number = f"{entry.version:0{width}}"
        name = _NOT_IN_NAMES.sub("_", entry.name).strip("_") or "migration"
        file = f"{number}_{name}.sql"
        up = entry.up
        try:
            up, pairs = without_transactions(up, file)
            left_out += [(entry.source, _ONE_TRANSACTION)] if pairs else []
            up, local = with_local_settings(up, file)
            left_out += [(entry.source, f'"{words}" is SET LOCAL') for words in local]
            phase = phase_of(read_script(up, file).statements)
        except PgMigrateError as error:
            phase = "schema"
            refused.append(error.refusal)
        header = f"-- purpose: {' '.join(re.split('[_ ]+', name))}\n-- phase: {phase}\n"
        texts[file] = f"{header}-- from: {history.tool} {entry.key}\n\n{up.strip()}\n"
        try:
            back, plain = _way_back(entry.down, file)
        except PgMigrateError as error:
            left_out.append((f"way back of {entry.source}", error.refusal.message))
            continue
        left_out += [(f"way back of {entry.source}", f'"{words}" is without CONCURRENTLY') for words in plain]
        if back:
            head = f"-- purpose: revert {number}_{name}\n-- reverts: {number}-{number}\n"
            backs[f"rollback_{number}_{number}.sql"] = f"{head}\n{back}\n"
    return Imported({**texts, **backs}, tuple(left_out), tuple(refused))


def _way_back(text: str, source: str) -> tuple[str, tuple[str, ...]]:
    """Returns the text of a rollback script, which runs in one transaction; empty where there is none.

    Also returns what is an index statement with CONCURRENTLY there.
    Raises PgMigrateError (file) for statements that cannot be part of one.
    """
    plain: list[str] = []
    text, _ = without_transactions(text, source)
    for one in split_statements(text, source):
        if not one.in_transaction and (found := _CONCURRENTLY.match(one.text)):
            text = text.replace(one.text, f"{found[1]}{one.text[found.end() :]}", 1)
            plain.append(one.words)
    text, _ = with_local_settings(text, source)
    statements = split_statements(text, source)
    if len(statements) > 1 and begins_transaction(statements[0]) and commits_transaction(statements[-1]):
        return _checked("\n\n".join(f"{one.text};" for one in statements[1:-1]), source), tuple(plain)
    return _checked(text.strip(), source) if statements else "", tuple(plain)


def _checked(text: str, source: str) -> str:
    outside: Sequence[Statement] = [one for one in read_statements(text, source) if not one.in_transaction]
    if outside:
        raise PgMigrateError(
            Kind.FILE,
            f'"{outside[0].words}" cannot run in the transaction of a rollback',
            detail=f"Found it in {source}; expected statements that may run in a transaction.",
            hint="Write what may run in a transaction, such as DROP INDEX without CONCURRENTLY.",
        )
    return text
