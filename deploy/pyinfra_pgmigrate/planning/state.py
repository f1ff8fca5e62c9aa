"""The state of each migration on a database, judged as a whole by its net patch. Pure: set arithmetic, no I/O.

A migration up to the place where the database stands is judged by what the sequence up to there left of it; one
after it by whether the database is as before it, as after it, or between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ..catalog.lines import INVALID, key_of, without_invalid
from ..migrations.files import Migration
from .timeline import Standing, Timeline

# Statements that may do more than their lines show.
PROGRAMS = frozenset({"do_stmt", "call_stmt", "select_stmt"})
# Kinds that share their names: no two relations of a schema have the same.
_RELATIONS = ("table", "view", "materialized_view", "sequence", "index")


class State(Enum):
    """How much of a migration is in the catalog."""

    PENDING = "pending"  # none of it
    PARTIAL = "partial"  # some of it
    APPLIED = "applied"  # all of it
    CONFLICT = "conflict"  # an object of that name exists with another definition
    UNKNOWN = "unknown"  # it leaves no trace: the catalog cannot tell


class StatementState(Enum):
    """How much of one statement is in the catalog."""

    DONE = "done"  # all its lines
    MISSING = "missing"  # none of them
    VACUOUS = "vacuous"  # it only takes away what this database never had
    MIXED = "mixed"  # some of them: no run of ours leaves that behind
    UNSEEN = "unseen"  # no line is its own: the catalog cannot tell


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
    + missing: lines that should be there and are not
    + left: lines that should be gone and are not
    + invalid: index lines that should be there, and are, but INVALID
    + others: what it takes away, where something else of that name is there
    """

    state: State
    statements: Mapping[int, StatementState]
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()
    others: tuple[Clash, ...] = ()

    def numbers(self, *states: StatementState) -> tuple[int, ...]:
        """Returns the numbers of the statements in one of these states, in order."""
        return tuple(number for number, state in sorted(self.statements.items()) if state in states)

    @property
    def unseen(self) -> tuple[int, ...]:
        """Numbers of the statements of which the catalog cannot tell whether they ran."""
        return self.numbers(StatementState.UNSEEN)


def in_order(migrations: Sequence[Migration], registered: Collection[int]) -> tuple[Migration, ...]:
    """Returns migrations as they run on a database: those that ran, then the others, each in the order of the files."""
    return tuple(sorted(migrations, key=lambda one: (one.version not in registered, one.version)))


def judge(
    timeline: Timeline,
    place: int,
    found: Standing,
    lines: Collection[str],
    of_key: Callable[[str], Collection[str]],
) -> Judgement:
    """Returns the state of the migration at a place.

    + found: where the database stands
    + lines: its catalog, or what that will be when the turn comes; of_key: returns those of an object
    """
    seen = _Seen(timeline, place, found, lines)
    statements = {number: seen.statement(number) for number in seen.numbers}
    state = seen.state(statements)
    missing = [line for line in seen.off if line not in lines]
    left = [line for line in seen.off if line in lines]
    clashes = tuple(_clashes(seen, statements if state is State.CONFLICT else {}, of_key))
    return Judgement(
        state=State.CONFLICT if clashes else state,
        statements=statements,
        missing=tuple(sorted(missing)),
        left=tuple(sorted(left)),
        invalid=tuple(sorted(line + INVALID for line in missing if line + INVALID in lines)),
        clashes=clashes,
        others=tuple(_others(seen, of_key)),
    )


class _Seen:
    """One migration against a database.

    + off: its lines that are not as they should be after it
    """

    def __init__(self, timeline: Timeline, place: int, found: Standing, lines: Collection[str]) -> None:
        migration = timeline.order[place - 1]
        self.timeline, self.place, self.lines = timeline, place, lines
        self.has_run = place <= found.place
        self.numbers = [statement.number for statement in migration.statements]
        self.nodes = {statement.number: statement.node for statement in migration.statements}
        self.own: dict[int, list[str]] = {}
        # Statements whose lines, all of them, later migrations that ran took away or made again.
        self.superseded: set[int] = set()
        until = found.place if self.has_run else place
        for line in timeline.lines(place):
            mine, last = timeline.last(line, place), timeline.last(line, until)
            if last is not None and last == mine:
                self.own.setdefault(last.number, []).append(line)
            elif mine is not None:
                self.superseded.add(mine.number)
        self.until = until
        wrong = found.wrong if self.has_run else None
        self.off = [
            line
            for owned in self.own.values()
            for line in owned
            if timeline.at(line, until) is not (line in lines)
            and (line in timeline.loose or wrong is None or line in wrong)
        ]

    def never_here(self, line: str) -> bool:
        """Tells whether a line is one of the structure before, which this database has not."""
        is_before = self.timeline.is_from_before(line, self.place - 1)
        return line not in self.lines and (is_before or line in self.timeline.loose)

    def statement(self, number: int) -> StatementState:
        owned = self.own.get(number, [])
        off = [line for line in owned if line in self.off]
        if not owned:
            return StatementState.DONE if number in self.superseded else StatementState.UNSEEN
        if not off:
            vacuous = not self.has_run and all(map(self.never_here, owned))
            return StatementState.VACUOUS if vacuous else StatementState.DONE
        firm = [line for line in owned if not self.never_here(line)]
        return StatementState.MISSING if all(line in self.off for line in firm) else StatementState.MIXED

    def state(self, statements: Mapping[int, StatementState]) -> State:
        firm = [line for line in self.timeline.lines(self.place) if line not in self.timeline.loose]
        if self.has_run:
            return self._after(statements) if self.off else State.APPLIED if firm else State.UNKNOWN
        before, after = self.place - 1, self.place
        known = [line for line in firm if not self.never_here(line)]
        is_before = all(self.timeline.at(line, before) is (line in self.lines) for line in known)
        is_after = all(self.timeline.at(line, after) is (line in self.lines) for line in known)
        if is_before and is_after:
            # Its net patch is empty, or takes away only what this database never had.
            vacuous = [number for number, state in statements.items() if state is StatementState.VACUOUS]
            programs = any(self.nodes[number] in PROGRAMS for number in vacuous)
            return State.APPLIED if firm and not known and not programs else State.UNKNOWN
        if is_before:
            return State.PENDING
        return State.APPLIED if is_after else self._after(statements)

    def _after(self, statements: Mapping[int, StatementState]) -> State:
        states = set(statements.values())
        if StatementState.MIXED in states:
            return State.CONFLICT
        return State.PARTIAL if StatementState.DONE in states or not self.has_run else State.PENDING


def _clashes(
    seen: _Seen, mixed: Mapping[int, StatementState], of_key: Callable[[str], Collection[str]]
) -> Iterator[Clash]:
    """Yields the objects that stand in the way of what is missing.

    + mixed: the state of each statement, where one of them is half there
    """
    going = {
        line
        for line in seen.timeline.lines(seen.place)
        if line in seen.lines
        and any(touch.place == seen.place and not touch.makes for touch in seen.timeline.touches[line])
    }
    missing = {line for line in seen.off if line not in seen.lines}
    for number, owned in sorted(seen.own.items()):
        for expected in sorted(missing.intersection(owned)):
            key = key_of(expected)
            others = sorted(
                line
                for one in _of_that_name(key)
                for line in of_key(one)
                if line not in going and without_invalid(line) != expected
            )
            if others:
                yield Clash(key, others[0], expected)
            elif mixed.get(number) is StatementState.MIXED and not of_key(key):
                yield Clash(key, None, expected)


def _others(seen: _Seen, of_key: Callable[[str], Collection[str]]) -> Iterator[Clash]:
    """Yields what has another definition than that which the migration takes away, and that no migration makes."""
    timeline, before = seen.timeline, seen.place - 1
    for expected in sorted(line for owned in seen.own.values() for line in owned):
        was_there, is_gone = timeline.at(expected, before), not timeline.at(expected, seen.until)
        if not (was_there and is_gone) or expected in seen.lines or expected in timeline.loose:
            continue
        key = key_of(expected)
        found = sorted(
            line
            for one in _of_that_name(key)
            for line in of_key(one)
            if without_invalid(line) != expected
            and not (line in timeline.touches and (timeline.at(line, before) or timeline.at(line, seen.until)))
        )
        if found:
            yield Clash(key, found[0], expected)


def _of_that_name(key: str) -> list[str]:
    """Returns the keys of all that cannot be there beside an object."""
    kind, name = key.split(" ", 1)
    return [f"{one} {name}" for one in _RELATIONS] if kind in _RELATIONS else [key]
