"""What a migration drops although it, or a later one, makes it again. Pure.

Such a table is in no patch: a rollback has nothing to take back, and the same migration, run again, would drop what
was written into the table since.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalog.lines import bare_name, key_of, parts_of, unescaped
from ..sqltext.parser import Statement
from ..sqltext.targets import restarted_sequences, truncated_tables
from .files import Migration

_KINDS = ("table ", "column ", "sequence ")
_DROPPING = frozenset({"drop_stmt", "alter_table_stmt"})
_MAKING = frozenset({
    "create_stmt", "create_table_as_stmt", "alter_table_stmt", "create_seq_stmt", "rename_stmt",
    "alter_object_schema_stmt",
})  # fmt: skip
_RENAMING = frozenset({"rename_stmt", "alter_object_schema_stmt"})
_EMPTYING = "truncate_stmt"

# Statements that say what is to be done to rows later, or by whom: none of them carries any over.
_IDLE = frozenset({
    "grant_stmt", "alter_default_privileges_stmt", "comment_stmt", "create_policy_stmt", "alter_policy_stmt",
    "view_stmt", "rule_stmt", "create_trig_stmt", "index_stmt", "create_stats_stmt", "alter_owner_stmt",
})  # fmt: skip

# Words of statements that may carry rows over to where they are found again.
_CARRYING = re.compile(r"\b(?:INSERT|UPDATE|MERGE|SELECT|COPY|DO|CALL)\b", re.IGNORECASE)

# A statement of a history: version of its migration, and its number there.
_Place = tuple[int, int]


@dataclass(frozen=True)
class Remade:
    """What one statement drops that is there again in the end.

    + number: of the statement
    + kind: table, column or sequence; name: as SQL writes it, of a column with its table
    + is_emptied: the table stays, by TRUNCATE; the sequence stays, by RESTART, and its name may be that of the table or
      the column behind which it is
    + before: its name when the migration begins, where an earlier statement of it gave it another; empty otherwise
    """

    number: int
    kind: str
    name: str
    is_emptied: bool = False
    before: str = ""


def makings(migrations: Sequence[Migration]) -> dict[str, _Place]:
    """Returns where each table, column and sequence is made for the last time, by key."""
    found: dict[str, _Place] = {}
    for migration in migrations:
        for statement in () if migration.effect is None else migration.statements:
            if statement.node in _MAKING:
                for line in migration.effect_of(statement).patch.plus:
                    if line.startswith(_KINDS):
                        found[key_of(line)] = migration.version, statement.number
    return found


@dataclass(frozen=True)
class Renamed:
    """A table, column or sequence that a migration gave another name: it is as old as before.

    + version: of the migration; key, old: as the catalog has it, after and before
    """

    version: int
    key: str
    old: str


def renamings(migrations: Sequence[Migration]) -> tuple[Renamed, ...]:
    """Returns what is renamed, or moved to another schema, in order."""
    return tuple(
        Renamed(migration.version, unescaped(key), unescaped(old))
        for migration in migrations
        for statement in (() if migration.effect is None else migration.statements)
        if statement.node in _RENAMING
        for key, old in _renamed_by(migration, statement)
    )


# A table, and its column or None, before and after.
Renaming = tuple[str, str | None, str, str | None]


def renamings_of(migration: Migration, numbers: Collection[int]) -> list[Renaming]:
    """Returns the tables and columns that statements of a migration give another name, in order."""
    found: list[Renaming] = []
    for statement in () if migration.effect is None else migration.chosen(numbers):
        if statement.node not in _RENAMING:
            continue
        for key, old in _renamed_by(migration, statement):
            kind, _, name = unescaped(key).partition(" ")
            before = unescaped(old).partition(" ")[2]
            if kind == "table":
                found.append((before, None, name, None))
            elif kind == "column":
                (table, column), (table_before, column_before) = parts_of(name), parts_of(before)
                # Those of a table with another name have theirs still.
                if column != column_before:
                    found.append((table_before, column_before, table, column))
    return found


def _renamed_by(migration: Migration, statement: Statement) -> Iterator[tuple[str, str]]:
    patch = migration.effect_of(statement).patch
    for line in patch.plus:
        if not line.startswith(_KINDS):
            continue
        key = key_of(line)
        kind, _, name = key.partition(" ")
        # Of a table all columns, each under its own name; of a column that one alone.
        candidates = sorted(
            (parts_of(name)[1] != parts_of(old.partition(" ")[2])[1], old)
            for old in (key_of(one) for one in patch.minus if one.startswith(f"{kind} "))
        )
        if candidates:
            yield key, candidates[0][1]


def drops_anything(migration: Migration, numbers: Collection[int]) -> bool:
    """Tells whether there is something to look for at all."""
    return migration.effect is not None and any(
        statement.node == _EMPTYING
        or next(_dropped_by(migration, statement), None) is not None
        or next(restarted_sequences(statement), None) is not None
        for statement in migration.chosen(numbers)
    )


def remade_by(migration: Migration, numbers: Collection[int], made: Mapping[str, _Place]) -> Iterator[Remade]:
    """Yields what statements of a migration drop that is there again in the end.

    What an earlier statement may have carried elsewhere is left to the migration.

    + numbers: of the statements that are run
    + made: see ``makings``
    """
    for statement in migration.chosen(numbers):
        place = migration.version, statement.number
        keys = [(key, False) for key in _dropped_by(migration, statement) if made.get(key, place) > place]
        # What becomes of a table becomes of its columns.
        tables = {key.removeprefix("table ") for key, _ in keys if key.startswith("table ")}
        keys = [
            (key, is_emptied)
            for key, is_emptied in keys
            if not (key.startswith("column ") and parts_of(key.removeprefix("column "))[0] in tables)
        ]
        if statement.node == _EMPTYING:
            keys += [(f"table {name}", True) for name in _emptied_by(migration, statement)]
        for key, is_emptied in keys:
            kind, name = key.split(" ", 1)
            if not _may_be_carried(migration, statement, kind, name):
                before = unescaped(_key_before(migration, statement, key).split(" ", 1)[1])
                name = unescaped(name)
                yield Remade(statement.number, kind, name, is_emptied, before if before != name else "")
        for words in restarted_sequences(statement):
            name = ".".join(map(_quoted, filter(None, words)))
            yield Remade(statement.number, "identity" if words[2] else "sequence", name, is_emptied=True)


def _key_before(migration: Migration, until: Statement, key: str) -> str:
    """Returns the key of what a statement drops, as it was when the migration began."""
    for statement in reversed(migration.statements[: until.number - 1]):
        if statement.node in _RENAMING:
            key = dict(_renamed_by(migration, statement)).get(key, key)
    return key


def _emptied_by(migration: Migration, statement: Statement) -> list[str]:
    """Returns the tables that TRUNCATE empties, as lines have them.

    An effect tells only of locks that no statement before had: those of its own, CASCADE included, and what it names.
    """

    def locked(one: Statement) -> list[str]:
        return [lock.relation for lock in migration.effect_of(one).locks if lock.mode == "AccessExclusiveLock"]

    before = [name for one in migration.statements[: statement.number - 1] for name in locked(one)]
    named = {
        name
        for name in before
        for schema, table in truncated_tables(statement)
        if bare_name(name) == table and _may_be_in(name, schema)
    }
    return list(dict.fromkeys([*locked(statement), *sorted(named)]))


def _may_be_in(name: str, schema: str) -> bool:
    """Tells whether a name of a line, which has no schema where that is the target schema, may be of a schema."""
    own = parts_of(unescaped(name))[0]
    return not schema or not own or bare_name(own) == schema


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _dropped_by(migration: Migration, statement: Statement) -> Iterator[str]:
    if statement.node not in _DROPPING:
        return
    patch = migration.effect_of(statement).patch
    gone = sorted(line for line in patch.minus if line.startswith(_KINDS))
    if gone:
        come = {key_of(line) for line in patch.plus}
        yield from (key for key in map(key_of, gone) if key not in come)


def _may_be_carried(migration: Migration, until: Statement, kind: str, name: str) -> bool:
    table, column = parts_of(unescaped(name)) if kind == "column" else (unescaped(name), "")
    words = {word.strip('"') for word in (parts_of(table)[1], column)} - {""}
    named = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE) for word in words]
    return any(
        _CARRYING.search(statement.text) and all(one.search(statement.text) for one in named)
        for statement in migration.statements
        if statement.number < until.number and statement.node not in _DROPPING | _IDLE
    )
