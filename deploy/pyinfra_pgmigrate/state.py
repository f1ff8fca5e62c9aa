"""The state of a migration on a database, judged by its lines alone: set arithmetic, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from .catalog import INVALID, Catalog, Patch, key_of, without_invalid
from .effect import StatementEffect
from .migration import Migration


class State(Enum):
    """How much of a migration is in the catalog."""

    PENDING = "pending"  # none of it
    PARTIAL = "partial"  # some of its statements
    APPLIED = "applied"  # all of it
    CONFLICT = "conflict"  # an object of that name exists with another definition
    UNKNOWN = "unknown"  # it has no lines: the catalog cannot tell


class StatementState(Enum):
    """How much of one statement is in the catalog."""

    DONE = "done"  # all its lines
    MISSING = "missing"  # none of them
    VACUOUS = "vacuous"  # it only takes lines away, and none of them is there
    MIXED = "mixed"  # some of them: no run of ours leaves that behind
    UNJUDGED = "unjudged"  # it has no lines


@dataclass(frozen=True)
class Clash:
    """An object that is not as a statement needs or makes it.

    + found: its line, or None where it is not there at all
    """

    key: str
    found: str | None
    expected: str


@dataclass(frozen=True)
class Judgement:
    """What the catalog says of a migration.

    + statements: the state of each by number
    + missing: lines that it adds and that are not there
    + left: lines that it takes away and that are still there
    + invalid: index lines that it adds and that are there, but INVALID
    """

    state: State
    statements: Mapping[int, StatementState]
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()

    def numbers(self, *states: StatementState) -> tuple[int, ...]:
        """Returns the numbers of the statements in one of these states, in order."""
        return tuple(number for number, state in sorted(self.statements.items()) if state in states)


@dataclass(frozen=True)
class Superseded:
    """What later migrations did to the lines of earlier ones.

    + gone: lines that they took away
    + back: lines that they added
    """

    gone: frozenset[str] = frozenset()
    back: frozenset[str] = frozenset()

    def by(self, patch: Patch) -> Superseded:
        """Returns this with the lines of one more patch."""
        return Superseded(self.gone | patch.minus, self.back | patch.plus)


def judge(migration: Migration, catalog: Catalog, superseded: Superseded = Superseded()) -> Judgement:
    """Returns the state of a migration.

    Statements are judged from the last to the first: a line that a later statement took away need not
    be there for the earlier one to be done.
    """
    statements: dict[int, StatementState] = {}
    known = superseded
    for statement in reversed(_effects(migration)):
        statements[statement.number] = _statement_state(statement, catalog, known)
        if statements[statement.number] is StatementState.DONE:
            known = known.by(statement.patch)
    missing, left = _open_lines(migration, catalog, known, statements)
    return Judgement(
        state=_state(statements.values(), clashes := _clashes(migration, catalog, statements, missing)),
        statements=statements,
        missing=tuple(sorted(missing)),
        left=tuple(sorted(left)),
        invalid=tuple(sorted(line + INVALID for line in missing if line + INVALID in catalog.lines)),
        clashes=clashes,
    )


def superseded_lines(
    migrations: Sequence[Migration], catalog: Catalog, registered: Collection[int]
) -> list[Superseded]:
    """Returns for each migration what later ones, applied on this database, did to its lines.

    A later migration counts as applied when the registry says so, or when lines that it adds are
    there. One that only takes lines away leaves no trace of its own: its lines count as gone where
    that alone makes an earlier migration, whose other lines are there, complete.
    """
    found: list[Superseded] = []
    sure = Superseded()
    possible = Superseded()
    for migration in reversed(migrations):
        judgement = judge(migration, catalog, sure)
        if judgement.state in (State.PENDING, State.PARTIAL, State.CONFLICT):
            lenient = judge(migration, catalog, possible)
            if lenient.state is State.APPLIED and lenient.numbers(StatementState.DONE):
                judgement, sure = lenient, possible
        found.append(sure)
        patches = [
            statement.patch
            for statement in _effects(migration)
            if migration.version in registered
            or judgement.statements[statement.number] in (StatementState.DONE, StatementState.VACUOUS)
        ]
        evident = migration.version in registered or bool(judgement.numbers(StatementState.DONE))
        for patch in patches:
            possible = possible.by(patch)
            if evident:
                sure = sure.by(patch)
    return found[::-1]


def _effects(migration: Migration) -> tuple[StatementEffect, ...]:
    return () if migration.effect is None else migration.effect.statements


def _statement_state(statement: StatementEffect, catalog: Catalog, superseded: Superseded) -> StatementState:
    patch = statement.patch
    there = {line for line in patch.plus if line in catalog.lines or line in superseded.gone}
    left = {line for line in patch.minus if line in catalog.lines and line not in superseded.back}
    if not patch:
        return StatementState.UNJUDGED
    if not patch.plus:
        if not left:
            return StatementState.VACUOUS
        return StatementState.MISSING if left == patch.minus else StatementState.MIXED
    if not there:
        return StatementState.MISSING
    return StatementState.DONE if there == patch.plus and not left else StatementState.MIXED


def _open_lines(
    migration: Migration, catalog: Catalog, known: Superseded, statements: Mapping[int, StatementState]
) -> tuple[set[str], set[str]]:
    missing: set[str] = set()
    left: set[str] = set()
    for statement in _effects(migration):
        if statements[statement.number] in (StatementState.MISSING, StatementState.MIXED):
            missing |= {line for line in statement.patch.plus if line not in catalog.lines | known.gone}
            left |= {line for line in statement.patch.minus if line in catalog.lines and line not in known.back}
    return missing, left


def _clashes(
    migration: Migration, catalog: Catalog, statements: Mapping[int, StatementState], missing: Collection[str]
) -> tuple[Clash, ...]:
    """Returns the objects that stand in the way of the missing statements."""
    to_go = {
        line
        for statement in _effects(migration)
        if statements[statement.number] is not StatementState.DONE
        for line in statement.patch.minus
    }
    found: list[Clash] = []
    for statement in _effects(migration):
        state = statements[statement.number]
        if state not in (StatementState.MISSING, StatementState.MIXED):
            continue
        for expected in sorted(statement.patch.plus & set(missing)):
            key = key_of(expected)
            others = [
                line for line in catalog.by_key.get(key, ()) if line not in to_go and without_invalid(line) != expected
            ]
            if others:
                found.append(Clash(key, others[0], expected))
            elif state is StatementState.MIXED and key not in catalog.by_key:
                found.append(Clash(key, None, expected))
    return tuple(found)


def _state(statements: Collection[StatementState], clashes: Collection[Clash]) -> State:
    if clashes or StatementState.MIXED in statements:
        return State.CONFLICT
    if not set(statements) - {StatementState.UNJUDGED}:
        return State.UNKNOWN
    if StatementState.MISSING not in statements:
        return State.APPLIED
    return State.PARTIAL if StatementState.DONE in statements else State.PENDING
