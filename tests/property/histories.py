"""Migration histories: generated ones, and those of the examples, as files that anybody can run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from .model import quoted
from .operations import OPERATIONS
from .pen import ROLES, Operation, Pen, Sql

# Every history has these; of the others some, so that what it is about goes deep.
_ALWAYS = ("base", "data")
_FAMILIES = sorted({one.family for one in OPERATIONS} - set(_ALWAYS))

# How a statement that waits for ever is told from one that works.
_TIMEOUT = "SET statement_timeout = '20s'"

_HEADER = "-- purpose: one of a generated history\n-- phase: schema\n"


# What a file may have around its statements; the transaction is psql's then.
_CONTROL = re.compile(r"(?:BEGIN|COMMIT|END|START)(?: TRANSACTION)?", re.IGNORECASE)


class DiscardedError(Exception):
    """What was drawn is no history: a transaction could not be committed."""


@dataclass(frozen=True)
class File:
    """One migration.

    + verify: a query of its own, or None
    """

    number: int
    statements: tuple[Sql, ...]
    verify: str | None = None

    @property
    def name(self) -> str:
        """Its name without an ending."""
        return f"{self.number:03}_made"

    @property
    def groups(self) -> list[tuple[Sql, ...]]:
        """Its statements as they run: in one transaction together, or one alone."""
        found: list[list[Sql]] = []
        for statement in self.statements:
            if found and not statement.alone and not found[-1][-1].alone:
                found[-1].append(statement)
            else:
                found.append([statement])
        return [tuple(group) for group in found]

    @property
    def text(self) -> str:
        """The file."""
        return _HEADER + "\n" + "".join(f"{statement.text};\n" for statement in self.statements)

    @property
    def psql(self) -> str:
        """The same for psql alone."""
        parts = []
        for group in self.groups:
            body = "".join(f"{one.text};\n" for one in group if not _CONTROL.fullmatch(one.text))
            parts.append(body if group[0].alone else f"BEGIN;\n{body}COMMIT;\n")
        return "".join(parts)


@dataclass(frozen=True)
class History:
    """Migrations in order."""

    files: tuple[File, ...]

    @property
    def statements(self) -> list[Sql]:
        """All of them."""
        return [statement for file in self.files for statement in file.statements]

    def write(self, folder: Path) -> Path:
        """Writes the files into a folder and returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            (folder / f"{file.name}.sql").write_bytes(file.text.encode())
            if file.verify is not None:
                (folder / f"{file.name}.verify.sql").write_bytes(file.verify.encode())
        return folder

    def __str__(self) -> str:
        return "\n".join(f"--- {file.name}\n{file.text.removeprefix(_HEADER)}" for file in self.files)


# Generated ones.


class _Author:
    """Writes a history; a database says at once which statement can be part of it."""

    def __init__(self, random: Random, session: psycopg.Connection[Any]) -> None:
        self.pen = Pen(random, version=session.info.server_version)
        self.session = session
        self.refused: list[tuple[str, str]] = []
        themes = random.sample(_FAMILIES, random.randint(3, 9))
        families = {*_ALWAYS, *themes}
        self.operations = [one for one in OPERATIONS if one.family in families for _ in range(one.weight)]
        self.on_data = [one for one in self.operations if one.family in ("base", "data", "blocks", "helpers")]
        self.on_data = [one for one in self.on_data if one.name not in ("create_table", "block_with_ddl")]
        self.first = [one for one in self.operations if one.name in ("create_table", "create_partitioned", "insert")]
        self.written: list[Sql] = []
        self.is_open = False

    def history(self) -> History:
        """Returns what was written."""
        count = self.pen.whole(2, 8)
        files = [self.file(number) for number in range(1, count + 1)]
        return History(tuple(files))

    def file(self, number: int) -> File:
        """Returns one migration."""
        pen = self.pen
        self.written = []
        kind = "plain" if number == 1 else pen.pick(["plain", "plain", "plain", "data", "undo", "path", "one", "empty"])
        size = {"empty": 0, "one": 1}.get(kind, pen.whole(2, 6) if number == 1 else pen.whole(1, 8))
        verify = self._marker(number) if pen.chance(12) else None
        if kind == "path":
            self._take_path()
        for _ in range(8 * size):
            if len(self.written) >= size:
                break
            chosen = self._first() if number == 1 and len(self.written) < 2 else self.operations
            chosen = self.on_data if kind == "data" else chosen
            if kind == "undo" and pen.graves and pen.chance(50):
                chosen = [one for one in OPERATIONS if one.name == "make_again"]
            self._run(pen.pick(chosen))
        self._commit()
        if pen.chance(3) and self.written:
            self.written.append(Sql(f"SET LOCAL work_mem = {pen.whole(64, 99)}", what="set_local"))
        return File(number, tuple(self.written), verify)

    def _first(self) -> list[Operation]:
        return self.first

    def _marker(self, number: int) -> str | None:
        """Writes what a verify query can see, and returns that query."""
        table = "marks_of_migrations"
        made = self._accept(Sql(f"CREATE TABLE IF NOT EXISTS public.{table} (number integer)", what="marker"))
        if not made or not self._accept(Sql(f"INSERT INTO public.{table} VALUES ({number})", what="marker")):
            return None
        return (
            f"SELECT 'mark' AS object, 'it is missing' AS problem\n"
            f"WHERE NOT EXISTS (SELECT FROM public.{table} WHERE number = {number})\n"
        )

    def _take_path(self) -> None:
        pen = self.pen
        path = tuple(dict.fromkeys((pen.pick(pen.model.schemas), "public")))
        if self._accept(Sql(f"SET LOCAL search_path = {', '.join(map(quoted, path))}", what="set_local")):
            pen.path = path

    def _run(self, one: Operation) -> None:
        written = one.write(self.pen)
        for found in written:
            statement = Sql(found) if isinstance(found, str) else found
            if not self._accept(replace(statement, what=one.name)):
                written.close()  # type: ignore[attr-defined]
                return

    def _accept(self, statement: Sql) -> bool:
        """Runs a statement where the history is tried out; tells whether it is part of it now."""
        if "\x00" in statement.text:
            return False
        try:
            if statement.alone:
                self._commit()
                self._alone(statement)
            else:
                self._begin()
                self.session.execute("SAVEPOINT one")
                try:
                    self.session.execute(statement.text.encode())
                    self.session.execute("RELEASE SAVEPOINT one")
                except psycopg.Error:
                    self.session.execute("ROLLBACK TO SAVEPOINT one")
                    raise
        except psycopg.Error as error:
            self.refused.append((statement.what, f"{error.sqlstate} {error.diag.message_primary}: {statement.text}"))
            return False
        self.written.append(statement)
        return True

    def _begin(self) -> None:
        if not self.is_open:
            self.session.execute("BEGIN")
            self.is_open = True

    def _commit(self) -> None:
        if self.is_open:
            self.is_open = False
            try:
                self.session.execute("COMMIT")
            except psycopg.Error as error:
                self.session.execute("ROLLBACK")
                raise DiscardedError(str(error)) from error
        self.pen.path = ("public",)
        for use in self.pen.later:
            use()
        self.pen.later.clear()

    def _alone(self, statement: Sql) -> None:
        before = self._invalid()
        try:
            self.session.execute(statement.text.encode())
        except psycopg.Error:
            for index in self._invalid() - before:
                self.session.execute(f"DROP INDEX {index}".encode())
            raise

    def _invalid(self) -> set[str]:
        rows = self.session.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid AND indrelid IN "
            "(SELECT oid FROM pg_class WHERE relkind = 'r')"
        )
        return {row[0] for row in rows}


def write_history(random: Random, session: psycopg.Connection[Any]) -> tuple[History, list[tuple[str, str]]]:
    """Returns a history, and what the server did not take.

    + session: of an empty database, in autocommit; it is the history's at the end
    Raises DiscardedError.
    """
    session.execute(_TIMEOUT)
    author = _Author(random, session)
    return author.history(), author.refused


def prepare_server(session: psycopg.Connection[Any]) -> None:
    """Makes the roles that histories give privileges to."""
    known = {row[0] for row in session.execute("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        if role not in known:
            session.execute(f"CREATE ROLE {quoted(role)}".encode())


# From files.

_ALONE = re.compile(r"^\s*(?:VACUUM|(?:CREATE|DROP|REINDEX|ALTER).*\bCONCURRENTLY\b)", re.IGNORECASE | re.DOTALL)


def read_history(folder: Path, split: Callable[[str], list[str]]) -> History:
    """Returns the history whose files are in a folder.

    + split: returns the statements of a text
    """
    files = []
    for number, path in enumerate(sorted(one for one in folder.glob("*.sql") if ".verify" not in one.name), start=1):
        text = path.read_bytes().decode()
        statements = tuple(Sql(one, alone=bool(_ALONE.match(one))) for one in split(text))
        verify = path.with_suffix("").with_suffix(".verify.sql")
        files.append(File(number, statements, verify.read_bytes().decode() if verify.exists() else None))
    return History(tuple(files))
