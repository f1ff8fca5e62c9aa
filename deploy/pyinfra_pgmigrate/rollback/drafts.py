"""Drafts of rollback scripts, for a person to look over: tried on a scratch database, where they lead back.

What leads back is known from the catalog before and after the migrations, as the repair of a drift is; in which order
it runs is found by running it. What the catalog does not tell (rows, dropped tables) the draft says itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from ..catalog import ddl, ddl_changes
from ..catalog.lines import Catalog, Patch, definition_of, is_own, key_of, parts_of, unescaped
from ..catalog.parts import is_harmless, is_setting, kind_of, subject_of
from ..drift.detect import changes_between
from ..drift.entries import Change, Drift, Drifts
from ..errors import Kind, PgMigrateError
from ..migrations.effect import Effect
from ..migrations.files import Migration, read_folder
from ..migrations.record import Recorder, recorder
from ..migrations.scratch import Tell
from ..resources import read_sql
from ..sqltext.lock_modes import MODES
from ..sqltext.targets import ROUTINE
from .scripts import Draft, keys_after

# Kinds of lines whose objects a rollback brings back by itself, after its script.
_BY_THEMSELVES = frozenset({"index", "constraint"})

# Statements on rows, and those of which nobody knows; the others are on structure.
_WRITING = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "truncate_stmt", "copy_stmt"})
_UNKNOWN = frozenset({"do_stmt", "call_stmt", "select_stmt", "explain_stmt"})
_RENAMING = frozenset({"rename_stmt", "alter_object_schema_stmt"})
_WRITING_MODES = frozenset(MODES[MODES.index("RowExclusiveLock") :])

_CONCURRENTLY = re.compile(r"^(CREATE (?:UNIQUE )?INDEX|DROP INDEX|REINDEX INDEX) CONCURRENTLY ")

_DROPS = re.compile(r"(DROP (?:TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION|PROCEDURE|TYPE|INDEX)) (.+)", re.DOTALL)
_IF_EXISTS = (
    re.compile(
        r"^(DROP (?:TABLE|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SEQUENCE|FUNCTION|PROCEDURE|AGGREGATE|TYPE|INDEX|SCHEMA"
        r"|TRIGGER|POLICY|RULE|COLLATION|STATISTICS|EXTENSION)) (?!IF EXISTS)"
    ),
    re.compile(r"^(ALTER (?:TABLE|DOMAIN) (?:\"(?:[^\"]|\"\")*\"|[^\s\"])+ DROP (?:COLUMN|CONSTRAINT)) (?!IF EXISTS)"),
)


@dataclass
class _Unit:
    """Statements that run together.

    + adds: indexes and constraints that a rollback brings back by itself
    """

    statements: tuple[str, ...]
    adds: tuple[str, ...] = ()


def draft(
    folder: Path, first: int, last: int, conninfo: str, *, is_throwaway: bool = False, tell: Tell = lambda line: None
) -> Draft:
    """Returns a script that reverts a range of migrations, tried on a scratch database.

    + first, last: both ends included; what is not there is left out
    + conninfo, is_throwaway, tell: see ``record.recorder``
    Raises PgMigrateError: settings, for a range without migrations; see ``record.recorder`` for others.
    """
    migrations = read_folder(folder)
    chosen = [migration for migration in migrations if first <= migration.version <= last]
    if not chosen:
        raise PgMigrateError(
            Kind.SETTINGS,
            f"could not find migrations {first:03}-{last:03}",
            detail=f"Found {', '.join(migration.name for migration in migrations)}; expected some of that range.",
            hint="Run: pgmigrate draft-rollback 001-006",
        )
    found = Draft(_number(chosen[0]), _number(chosen[-1]), (chosen[0].name, chosen[-1].name))
    with recorder(conninfo, is_throwaway=is_throwaway, tell=tell) as recording:
        recording.run_baseline(folder)
        for migration in migrations:
            if migration.version < first:
                recording.record(migration, base="")
        before, names = recording.catalog(), _names(recording)
        effects = [(migration, recording.record(migration, base="")) for migration in chosen]
        statements = [one for migration in chosen for one in migration.statements]
        later = keys_after(statements, before.by_key, stays_gone=False)
        _Search(recording, before, names, later, found).run()
    # Rows are told of first: nothing else shows that they are not as they were.
    found.todos[:0] = _rows_written(effects)
    return found


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _number(migration: Migration) -> str:
    return migration.name.split("_")[0]


def _rows_written(effects: Sequence[tuple[Migration, Effect]]) -> Iterator[str]:
    """Yields what statements wrote into tables that were there before: no catalog tells how to take that back."""
    new: set[str] = set()
    for migration, effect in effects:
        for one in effect.statements:
            node = migration.statements[one.number - 1].node
            if node in _WRITING | _UNKNOWN:
                tables = [lock.relation for lock in one.locks if lock.mode in _WRITING_MODES]
                old = sorted(table for table in tables if table not in new)
                if old:
                    yield (
                        f"statement {one.number} of {migration.name} ({one.words}) writes rows of {', '.join(old)}: "
                        "say here how they become what they were, or that they stay"
                    )
            gone, come = (
                {key_of(line).removeprefix("table ") for line in lines if line.startswith("table ")}
                for lines in (one.patch.minus, one.patch.plus)
            )
            is_renamed = node in _RENAMING and not gone <= new
            new = (new - gone) | (set() if is_renamed else come - gone | come & gone & new)


@dataclass(frozen=True)
class _Named:
    """What an object is called.

    + head: beginning of the statement that gives it another name; schema: None where it has none of its own
    """

    head: str
    name: str
    schema: str | None


def _renamed(now: _Named, name: str) -> str:
    return f"{now.head}{'' if ' RENAME ' in now.head else ' RENAME'} TO {_quoted(name)}"


def _dropped(now: _Named) -> str:
    """Returns the statement that drops what can be renamed.

    >>> _dropped(_Named('ALTER TABLE public.a RENAME COLUMN b', 'b', None))
    'ALTER TABLE public.a DROP COLUMN b'
    """
    if " RENAME " in now.head:
        return now.head.replace(" RENAME ", " DROP ", 1)
    return f"DROP {now.head.removeprefix('ALTER ')}"


def _kind(identity: str) -> str:
    # A table is a type as well.
    return identity.split(" ", maxsplit=1)[0].replace("type", "relation")


def _last_name(key: str) -> tuple[str, str]:
    """Returns kind and name of a key, without a schema and without what it is a part of."""
    kind, _, name = key.partition(" ")
    ident, _, arguments = name.partition("(") if kind in ROUTINE else (name, "", "")
    return kind, f"{parts_of(ident)[1]}({arguments}"


def _subject(head: str) -> str:
    """Returns what something belongs to that has a name of its own there only; empty for most."""
    if " RENAME " in head:
        return head.split(" RENAME ", maxsplit=1)[0]
    return head.rpartition(" ON ")[2] if head.startswith(("ALTER TRIGGER ", "ALTER POLICY ")) else ""


def _names(recording: Recorder) -> dict[str, _Named]:
    """Returns the names of all objects by their identity, in the order in which they get others."""
    rows = recording.connection.execute(read_sql("rollback/draft_names").encode())
    return {identity: _Named(head, name, schema) for identity, _, head, name, schema in rows}


class _Search:
    """Looks for the order in which statements lead back.

    + names: those before the migrations, by identity; later: keys that these may have since, by the key then
    """

    def __init__(
        self,
        recording: Recorder,
        before: Catalog,
        names: Mapping[str, _Named],
        later: Mapping[str, Collection[str]],
        found: Draft,
    ) -> None:
        self.connection: psycopg.Connection[Any] = recording.connection
        self.recording = recording
        self.before = before
        self.names = names
        self.later = later
        self.found = found
        self.reasons: dict[int, str] = {}

    def run(self) -> None:
        """Fills the draft."""
        with self.connection.transaction(force_rollback=True):
            self._rename()
            now = self.recording.catalog()
            drifts = self._changes(now)
            units = [unit for entry in drifts.entries for unit in self._units(entry)]
            units += [_Unit((statement,)) for statement in _small(self.before, now, drifts.harmless)]
            self._run_all(units)
            self._run_all(list(self._rights()))
            self._compare(self.recording.catalog())

    def _changes(self, now: Catalog) -> Drifts:
        version_num = self.connection.info.server_version
        return changes_between(self.before, now, version_num=version_num, is_renamed=self._is_renamed)

    def _is_renamed(self, old: str, new: str) -> bool:
        """Tells whether statements gave what had a key, or was made again under it, the name of another one."""
        return any(_last_name(key) == _last_name(new) for key in self.later.get(old, ()))

    def _rights(self) -> Iterator[_Unit]:
        """Yields what takes back the rights that default privileges have given to what was made again."""
        for entry in self._changes(self.recording.catalog()).entries:
            if entry.key.startswith("grant "):
                yield from (_Unit((plain(one),)) for one in entry.statements if one not in ("BEGIN", "COMMIT"))

    def _rename(self) -> None:
        """Gives what has another name, or stands in another schema, that of before."""
        tried: set[str] = set()
        while True:
            found = next((one for one in self._renaming() if one[0] not in tried), None)
            if found is None:
                return
            statement, identity = found
            tried.add(statement)
            if not self._try(_Unit((statement,))) and self._make_room(identity):
                tried.discard(statement)

    def _renaming(self) -> Iterator[tuple[str, str]]:
        """Yields statements that bring names back, each with the identity of what is renamed."""
        for identity, now in _names(self.recording).items():
            was = self.names.get(identity)
            if was is None or now == was:
                continue
            if was.name != now.name:
                yield _renamed(now, was.name), identity
            elif was.schema is not None and was.schema != now.schema:
                yield f"{now.head} SET SCHEMA {_quoted(was.schema)}", identity

    def _make_room(self, identity: str) -> bool:
        """Takes a name from what has it now: what is new goes, what had another one gets a name for a while."""
        was, names = self.names[identity], _names(self.recording)
        kind, subject = _kind(identity), _subject(was.head)
        for other, taken in names.items():
            is_same = (taken.name, taken.schema, _kind(other), _subject(taken.head)) == (
                was.name, was.schema, kind, subject,
            )  # fmt: skip
            if other != identity and is_same:
                if other in self.names:
                    return self._try(_Unit((_renamed(taken, f"{taken.name} {len(names)}"),)))
                return self._try(_Unit((plain(_dropped(taken)),)))
        return False

    def _units(self, entry: Drift) -> Iterator[_Unit]:
        kind = kind_of(entry.key)
        name = entry.key.split(" ", 1)[-1]
        statements = tuple(plain(one) for one in entry.statements if one not in ("BEGIN", "COMMIT"))
        if entry.kind is Change.MISSING and kind == "table":
            self.found.todos.append(
                f"table {name} was dropped: make it again as it was; its rows are in a backup from before"
            )
        elif not statements:
            self.found.todos.append(f"{entry.key}: found {entry.found}; expected {entry.expected}")
        elif entry.kind is Change.MISSING and kind in _BY_THEMSELVES:
            yield _Unit(statements, tuple(line for line in entry.patch.minus if kind_of(line) in _BY_THEMSELVES))
        else:
            if entry.kind is Change.MISSING and kind == "column":
                self.found.todos.append(f"column {name} was dropped: its values are in a backup from before")
            yield from (_Unit((one,)) for one in statements)

    def _run_all(self, units: list[_Unit]) -> None:
        """Runs what can be run, again and again, as long as anything can; what a rollback does by itself comes last."""
        left = [unit for unit in units if not unit.adds]
        while left:
            rest = [unit for unit in left if not self._try(unit)]
            if len(rest) == len(left):
                rest = self._drop_together(rest)
            if len(rest) == len(left):
                break
            left = rest
        by_themselves = [unit for unit in units if unit.adds]
        while by_themselves:
            rest = [unit for unit in by_themselves if not self._run(unit)]
            self.found.adds += sorted(line for unit in by_themselves if unit not in rest for line in unit.adds)
            if len(rest) == len(by_themselves):
                break
            by_themselves = rest
            # What has waited for one of them runs after it, and it is no matter of the rollback then.
            left = [unit for unit in left if not self._try(unit)]
        for unit in (*left, *by_themselves):
            self.found.todos.append(f"{'; '.join(unit.statements)} does not run: {self.reasons[id(unit)]}")

    def _try(self, unit: _Unit) -> bool:
        if not self._run(unit):
            return False
        self.found.statements += unit.statements
        return True

    def _run(self, unit: _Unit) -> bool:
        try:
            with self.connection.transaction():
                for statement in unit.statements:
                    self.connection.execute(statement.encode())
        except psycopg.Error as error:
            self.reasons[id(unit)] = error.diag.message_primary or str(error)
            return False
        return True

    def _drop_together(self, units: list[_Unit]) -> list[_Unit]:
        """Drops at once what would have to go before each other."""
        kinds: dict[str, list[_Unit]] = {}
        for unit in units:
            if len(unit.statements) == 1 and (found := _DROPS.fullmatch(unit.statements[0])):
                kinds.setdefault(found[1], []).append(unit)
        for kind, many in kinds.items():
            names = [one.statements[0].removeprefix(f"{kind} ").removeprefix("IF EXISTS ") for one in many]
            if len(many) > 1 and self._try(_Unit((f"{kind} IF EXISTS {', '.join(names)}",))):
                return [unit for unit in units if unit not in many]
        return units

    def _compare(self, now: Catalog) -> None:
        left = now.difference(self.before)
        for line in Patch(
            *(frozenset(one for one in lines if not is_own(one)) for lines in (left.minus, left.plus))
        ).render():
            told = f"{line[2:]} is {'there still' if line.startswith('- ') else 'not there again'}"
            self.found.todos.append(told)


def plain(statement: str) -> str:
    """Returns a statement of a repair as it runs in a transaction, from whatever part is there."""
    text = unescaped(statement).rstrip(";")
    text = _CONCURRENTLY.sub(r"\1 ", text)
    for pattern in _IF_EXISTS:
        text = pattern.sub(r"\1 IF EXISTS ", text)
    return text


def _small(before: Catalog, now: Catalog, harmless: frozenset[str]) -> Iterator[str]:
    """Yields statements for what is no drift: comments, settings, new partitions."""
    keys = dict.fromkeys(
        key_of(line)
        for line in sorted(harmless)
        if is_setting(line) and subject_of(line) in before.by_key and subject_of(line) in now.by_key
    )
    for key in keys:
        old, new = (
            next((one for one in harmless & lines if key_of(one) == key and not is_own(one)), "")
            for lines in (before.lines, now.lines)
        )
        yield from map(plain, ddl_changes.change_property(old, new) or ())
    for line in sorted(harmless):
        key = key_of(line)
        if is_harmless(line) and (
            line in before.lines or not any(is_harmless(one) and key_of(one) == key for one in before.lines)
        ):
            text = definition_of(line) if line in before.lines else "NULL"
            # The schema itself has a comment and no line.
            if (key in now.by_key) is (key in before.by_key):
                yield unescaped(_comment(key, text))
        elif line in now.lines and line.startswith("table ") and key not in before.by_key:
            yield from map(plain, ddl.drop(line) or ())


def _comment(key: str, text: str) -> str:
    kind, name = key.split(" ", 1)
    word = kind.replace("_", " ").upper()
    if kind in ("constraint", "trigger", "policy", "rule"):
        table, part = parts_of(name)
        return f"COMMENT ON {word} {part} ON {table} IS {text}"
    return f"COMMENT ON {word} {name} IS {text}"
