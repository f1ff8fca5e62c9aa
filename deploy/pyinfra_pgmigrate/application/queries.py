"""Queries of the application whose cost is measured, as files. Pure: no I/O but the files.

A file of the folder ``queries`` is a header and one or two SELECT statements: the last one is measured; the
one before it, if any, gives the row of values that $1, $2 and so on stand for in it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..migrations.header import read_header, wrong_header
from ..migrations.script import read_statements
from ..sqltext.parser import Statement, checksum_of, writing_words
from .requirements import KEY, Requirement, read_requirements

HEADER_KEYS = ("purpose", "since", "parameters", KEY)


@dataclass(frozen=True)
class Query:
    """A file of the folder ``queries``.

    + since: version of the migration without which it cannot run; None: the application of before has it
    + drawing: the SELECT that gives its parameters; empty: it has none
    + checksum: of both statements; comments and white space do not count
    + requires: what it needs of a database, besides what migrations make
    """

    name: str
    purpose: str
    since: int | None
    drawing: str
    text: str
    checksum: str
    requires: tuple[Requirement, ...] = ()

    @property
    def path(self) -> str:
        """Where it is in the SQL folder."""
        return f"queries/{self.name}.sql"


def load_queries(folder: Path, versions: Collection[int]) -> tuple[Query, ...]:
    """Returns the queries of the files ``queries/*.sql`` of an SQL folder, by name.

    + versions: of the migrations of that folder
    Raises PgMigrateError (file) for the first file that breaks a rule, naming it.
    """
    return tuple(_read(path, versions) for path in sorted((folder / "queries").glob("*.sql")))


def _read(path: Path, versions: Collection[int]) -> Query:
    text, values = read_header(path, HEADER_KEYS)
    since = values.get("since")
    if since is not None and (not since.isdigit() or int(since) not in versions):
        # A number that is never applied would mean a query that is never measured.
        detail = f'Found since "{since}"; expected the number of a migration of this folder, such as "-- since: 001".'
        raise wrong_header(path.name, None, detail)
    statements = read_statements(text, path.name)
    _check(path.name, statements)
    return Query(
        path.stem,
        values["purpose"],
        None if since is None else int(since),
        statements[0].text if len(statements) == 2 else "",
        statements[-1].text,
        checksum_of(text),
        read_requirements(text, values.get(KEY), source=path.name),
    )


def _check(source: str, statements: tuple[Statement, ...]) -> None:
    if not 1 <= len(statements) <= 2:
        raise _wrong(source, f"Found {len(statements)} statements; expected one, or one that draws parameters before")
    for statement in statements:
        words = "" if statement.node != "select_stmt" else writing_words(statement.text)
        if statement.node != "select_stmt" or words:
            found = f'{words} in "{statement.words}"' if words else f'"{statement.words}"'
            raise _wrong(f"{source}, line {statement.line}", f"Found {found}; expected")


def _wrong(source: str, detail: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.FILE,
        f"cannot measure {source}: it is run on the live database, so it may only read",
        detail=f"{detail} a SELECT that writes nothing and locks no rows.",
        hint="Measure what reads: a SELECT that finds the same rows costs what the writing statement has to search.",
    )
