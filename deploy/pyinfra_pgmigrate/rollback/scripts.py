"""Rollback scripts, as files. Pure: no I/O but the files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..catalog.lines import escaped, parts_of
from ..errors import Kind, PgMigrateError
from ..migrations.header import parse_header, wrong_header
from ..migrations.script import read_statements
from ..sqltext.files import read_text
from ..sqltext.parser import Statement, checksum_of
from ..sqltext.targets import ROUTINE, Renaming, dropped_columns, dropped_tables, renamed_object

HEADER_KEYS = ("purpose", "reverts", "keeps")


_RANGE = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]+)")


# Kinds of what is called by its table and a name of its own.
_PARTS = ("column", "constraint", "trigger", "policy", "rule")

# One of the names of a list, quotes and all.
_LISTED = re.compile(r'(?:"(?:[^"]|"")*"|[^\s,"])+')


# What a draft leaves to do.
_TODO = re.compile(r"^-- TODO: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class RollbackScript:
    """A file ``rollback_NAME.sql``.

    + first, last: the migrations that it reverts, both ends included
    + keeps: references (table, column) that are emptied where they point at a row that moves out, and whose own row
      does not move with it
    + todos: what a draft of it left to do, and is still there
    """

    name: str
    purpose: str
    first: int
    last: int
    statements: tuple[Statement, ...]
    checksum: str
    keeps: tuple[tuple[str, str], ...] = ()
    todos: tuple[str, ...] = ()


@dataclass
class Draft:
    """A rollback script.

    + first, last: versions of the migrations that it reverts; names: theirs
    + todos: what needs a hand, a line each
    + statements: in the order in which they lead back; adds: lines of what comes back by itself
    """

    first: str
    last: str
    names: tuple[str, str]
    todos: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    adds: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The file."""
        header = [f"-- purpose: revert {self.names[0]} to {self.names[1]}", f"-- reverts: {self.first}-{self.last}"]
        todos = [f"-- TODO: {_one_line(todo)}" for todo in self.todos]
        adds = [f"-- Comes back by itself: {_one_line(line)}" for line in self.adds]
        # A rollback may have nothing to do but what it does by itself.
        statements = [f"{one};" for one in self.statements] or ["SELECT;"]
        return "\n".join([*header, "", *(f"{one}\n" for one in (*todos, *statements, *adds))])


def _one_line(text: str) -> str:
    return " ".join(text.split())


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
            yield from _dropped_by(statement)


def _dropped_by(statement: Statement) -> Iterator[str]:
    for schema, table in dropped_tables(statement):
        for name in _written(schema, table):
            yield f"table {name}"
    for schema, table, column in dropped_columns(statement):
        for name in _written(schema, table):
            for last in _quotings(column):
                yield f"column {name}.{last}"


def renamed_keys(scripts: Sequence[RollbackScript], keys: Collection[str], then: Collection[str]) -> Iterator[str]:
    """Yields those of some keys whose objects statements of scripts give another name or schema: they stay.

    What depends on such an object stays with it. What the scripts drop, too, stays not.

    + then: the keys of what is there in the end, none of them among the others
    """
    statements = [one for script in scripts for one in script.statements]
    for key, now in keys_after(statements, keys).items():
        if not now.isdisjoint(then):
            yield key


def keys_after(
    statements: Iterable[Statement], keys: Collection[str], *, stays_gone: bool = True
) -> dict[str, frozenset[str]]:
    """Returns the keys that objects may have after statements that give another name or schema, by their key before.

    + stays_gone: what is dropped has none; else what is made again under the name of then counts as the same
    """
    names = {key: frozenset({key}) for key in keys}
    for statement in statements:
        gone = set(_dropped_by(statement)) if stays_gone else set()
        renaming = renamed_object(statement)
        if gone or renaming is not None:
            names = {key: frozenset(_after(now - gone, renaming)) for key, now in names.items()}
    return names


def _after(names: Iterable[str], renaming: Renaming | None) -> Iterator[str]:
    """Yields what keys are after a statement; several a key, as quotes and schemas of lines are not known here."""
    for key in names:
        others = [] if renaming is None else list(_others(key, renaming))
        yield from others or (key,)


def _others(key: str, renaming: Renaming) -> Iterator[str]:
    """Yields the keys that an object may have after a statement gave it, or what it is of, another name."""
    kind, _, name = key.partition(" ")
    homes = set(_written(renaming.schema, renaming.name))
    # A function has its arguments in its key.
    ident, bracket, arguments = name.partition("(") if kind in ROUTINE else (name, "", "")
    home, last = parts_of(ident)
    if renaming.part:
        if kind in renaming.kinds and home in homes and last in _quotings(renaming.part):
            yield from (f"{kind} {home}.{one}" for one in _quotings(renaming.new_name))
    elif kind in renaming.kinds and ident in homes:
        yield from (f"{kind} {one}{bracket}{arguments}" for one in _moved(ident, renaming))
    elif "table" in renaming.kinds and kind in _PARTS:
        if home in homes:
            yield from (f"{kind} {one}.{last}" for one in _moved(home, renaming))
        elif kind == "constraint" and renaming.new_name and last in _quotings(renaming.name):
            # By the name of its index, which is the same.
            yield from (f"{kind} {home}.{one}" for one in _quotings(renaming.new_name))


def _moved(ident: str, renaming: Renaming) -> Iterator[str]:
    schema, last = parts_of(ident)
    if renaming.new_name:
        yield from (f"{schema}.{one}" if schema else one for one in _quotings(renaming.new_name))
    else:
        yield last
        yield from (f"{one}.{last}" for one in _quotings(renaming.new_schema))


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
        path.stem,
        values["purpose"],
        int(reverts["first"]),
        int(reverts["last"]),
        statements,
        checksum_of(text),
        keeps,
        tuple(_TODO.findall(text)),
    )
