"""Rollback scripts, as files. Pure: no I/O but the files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..catalog.lines import escaped, parts_of
from ..errors import Kind, PgMigrateError
from ..migrations.header import parse_header, wrong_header
from ..migrations.script import read_statements
from ..sqltext.files import read_text
from ..sqltext.parser import Statement, checksum_of
from ..sqltext.targets import dropped_columns, dropped_tables, renamed_objects

HEADER_KEYS = ("purpose", "reverts", "keeps")


_RANGE = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]+)")


# One of the names of a list, quotes and all.
_LISTED = re.compile(r'(?:"(?:[^"]|"")*"|[^\s,"])+')


@dataclass(frozen=True)
class RollbackScript:
    """A file ``rollback_NAME.sql``.

    + first, last: the migrations that it reverts, both ends included
    + keeps: references (table, column) that are emptied where they point at a row that moves out, and whose own row
      does not move with it
    """

    name: str
    purpose: str
    first: int
    last: int
    statements: tuple[Statement, ...]
    checksum: str
    keeps: tuple[tuple[str, str], ...] = ()


def load_rollbacks(folder: Path) -> tuple[RollbackScript, ...]:
    """Returns the rollback scripts of a folder, newest first.

    Raises PgMigrateError (file) for the first that breaks a rule, naming it.
    """
    found = [_read(path) for path in sorted(folder.glob("rollback_*.sql"))]
    return tuple(sorted(found, key=lambda script: (script.last, script.first), reverse=True))


def dropped_keys(scripts: Sequence[RollbackScript]) -> Iterator[str]:
    """Yields the keys of the tables and columns that statements of scripts drop by their names.

    One name gives several keys: whether a line needs quotes, and the schema, is not known here.
    """
    for script in scripts:
        for statement in script.statements:
            for schema, table in dropped_tables(statement):
                for name in _written(schema, table):
                    yield f"table {name}"
            for schema, table, column in dropped_columns(statement):
                for name in _written(schema, table):
                    for last in _quotings(column):
                        yield f"column {name}.{last}"


def renamed_rules(scripts: Sequence[RollbackScript], keys: Collection[str], then: Collection[str]) -> Iterator[str]:
    """Yields those of some keys whose constraints and indexes statements of scripts give another name: they stay.

    No definition of anything else has their names, so that what depends on them, such as a foreign key, stays as it is.

    + then: the keys of what is there in the end
    """
    for script in scripts:
        for statement in script.statements:
            for schema, relation, of_it, new in renamed_objects(statement):
                homes = set(_written(schema, relation))
                for key in keys:
                    kind, _, name = key.partition(" ")
                    home, last = parts_of(name)
                    if kind == "constraint":
                        # By its own name, or by that of its index, which is the same.
                        is_it = (home in homes and last in _quotings(of_it)) if of_it else last in _quotings(relation)
                        others = {f"constraint {home}.{one}" for one in _quotings(new)}
                    else:
                        is_it = kind == "index" and not of_it and name in homes
                        others = {f"index {one}" for one in _written(schema, new)}
                    if is_it and not others.isdisjoint(then):
                        yield key


def _written(schema: str, name: str) -> Iterator[str]:
    for last in _quotings(name):
        yield last
        for first in _quotings(schema) if schema else ():
            yield f"{first}.{last}"


def _quotings(name: str) -> tuple[str, str]:
    quoted = name.replace('"', '""')
    return escaped(name), escaped(f'"{quoted}"')


def _read(path: Path) -> RollbackScript:
    text = read_text(path)
    values = parse_header(text, source=path.name)
    for key in values:
        if key not in HEADER_KEYS:
            raise wrong_header(path.name, None, f'Found the key "{key}"; expected one of {", ".join(HEADER_KEYS)}.')
    reverts = _RANGE.fullmatch(values.get("reverts", ""))
    if "purpose" not in values or reverts is None or int(reverts["first"]) > int(reverts["last"]):
        found = f'reverts "{values.get("reverts", "")}"' if "purpose" in values else "no purpose"
        raise wrong_header(path.name, None, f'Found {found}; expected a purpose and "-- reverts: 001-006".')
    keeps = tuple(map(parts_of, _LISTED.findall(values.get("keeps", ""))))
    if "keeps" in values and not all(table for table, _ in keeps or (("", ""),)):
        found = f'keeps "{values["keeps"]}"'
        raise wrong_header(
            path.name, None, f'Found {found}; expected references, such as "-- keeps: invoice.customer".'
        )
    statements = read_statements(text, path.name)
    outside = [statement for statement in statements if not statement.in_transaction]
    if outside or not statements:
        found = f'"{outside[0].words}"' if outside else "no statement"
        raise PgMigrateError(
            Kind.FILE,
            f"cannot use {path.name}: a rollback runs in one transaction",
            detail=f"Found {found}; expected statements that may run in a transaction.",
            hint="Write DROP INDEX without CONCURRENTLY: the table is locked anyway.",
        )
    return RollbackScript(
        path.stem, values["purpose"], int(reverts["first"]), int(reverts["last"]), statements, checksum_of(text), keeps
    )
