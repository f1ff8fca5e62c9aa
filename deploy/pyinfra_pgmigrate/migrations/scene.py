"""What a statement did, from the database before and after it. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from ..catalog.delta import Reading
from ..catalog.lines import Patch, escaped, is_own, key_of, parts_of
from ..catalog.queries import Execute, Query
from ..resources import read_sql
from ..sqltext.lock_modes import MODES
from ..sqltext.parser import WRITES_ROWS, Statement
from .effect import Lock, StatementEffect

# What belongs to the whole server, as (kind, name, facts).
Server = frozenset[tuple[str, str, str]]

# How a day stands in definitions, and a day or month in names.
_DATES = ("%Y-%m-%d", "%Y_%m_%d", "%Y%m%d", "%Y_%m", "y%Ym%m")

# What asks for the time, or is it in a constant.
_CLOCK = re.compile(
    r"\b(?:now|today|tomorrow|yesterday|current_(?:date|time|timestamp)|local(?:time|timestamp)|timeofday"
    r"|(?:clock|statement|transaction)_timestamp)\b",
    re.IGNORECASE,
)

# What depends on something, as in pg_depend (catalog, oid, part), and the key of that on which it depends.
Dependency = tuple[int, int, int, str]


# As many statements that write rows as are run before one look, and as are at most. With fewer it may turn out dearer:
# where one of them did more, all is recorded again.
_FEWEST_IN_A_ROW, _MOST_IN_A_ROW = 20, 1000


@dataclass(frozen=True)
class Relation:
    """A relation of the scratch database.

    + storage: another number once it was rewritten
    """

    key: str
    kind: str
    storage: int


@dataclass(frozen=True)
class Seen:
    """What a look at the scratch database found that the look before did not.

    + patch: of all lines
    + relations: as they were, by oid: all that may be other ones now; None: was not there
    + dependencies: as they were, by oid of what is depended on: all that may be other ones now
    + locks: what the transaction holds so far, as (relation oid, mode)
    + server: what belongs to the whole server
    + is_nothing: no row of a system catalog was written, as far as the server counts them
    """

    patch: Patch
    relations: Mapping[int, Relation | None]
    dependencies: Mapping[int, frozenset[Dependency]]
    locks: frozenset[tuple[int, str]]
    server: Server
    is_nothing: bool = False


class Surroundings:
    """The relations of the scratch database and what depends on what, read again of what a statement wrote alone.

    + execute: runs a query of the library
    + relations: by oid; dependencies: by oid of what is depended on
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._is_known = False
        self.relations: dict[int, Relation] = {}
        self.dependencies: dict[int, frozenset[Dependency]] = {}

    def update(self, reading: Reading) -> tuple[dict[int, Relation | None], dict[int, frozenset[Dependency]]]:
        """Reads what may have changed, and returns what that was, as in ``Seen``.

        + reading: of the catalog, since the last time
        """
        if reading.is_whole or not self._is_known:
            self._is_known = True
            return self._all_relations(), self._all_dependencies()
        objects = sorted(reading.objects)
        relations = {oid: self.relations.pop(oid, None) for oid in objects}
        if objects:
            self.relations |= self._relations(SOME_RELATIONS, objects)
        if reading.has_less:
            return relations, self._all_dependencies()
        among = sorted(reading.objects | reading.referenced)
        dependencies = {oid: self.dependencies.pop(oid, frozenset()) for oid in among}
        if among:
            self.dependencies |= self._dependencies(SOME_DEPENDENCIES, among)
        return relations, dependencies

    def _all_relations(self) -> dict[int, Relation | None]:
        before, self.relations = self.relations, dict(self._relations(RELATIONS))
        return {**dict.fromkeys(self.relations), **before}

    def _all_dependencies(self) -> dict[int, frozenset[Dependency]]:
        before, self.dependencies = self.dependencies, self._dependencies(DEPENDENCIES)
        return {**dict.fromkeys(self.dependencies, frozenset()), **before}

    def _relations(self, query: Query, *values: object) -> Iterator[tuple[int, Relation]]:
        for oid, key, kind, storage in self._execute(query, values):
            yield oid, Relation(escaped(key), kind, storage)

    def _dependencies(self, query: Query, *values: object) -> dict[int, frozenset[Dependency]]:
        found: defaultdict[int, set[Dependency]] = defaultdict(set)
        for referenced, class_, oid, part, key in self._execute(query, values):
            found[referenced].add((class_, oid, part, escaped(key)))
        return {oid: frozenset(rows) for oid, rows in found.items()}


def _relations_query(among: str) -> str:
    return read_sql("migrations/record_relations").replace(":among", among)


def _dependencies_query(among: str) -> str:
    return read_sql("migrations/record_dependencies").replace(":among", among)


RELATIONS = Query("relations", (), _relations_query("IS NOT NULL"), reads_all=True)
SOME_RELATIONS = Query("some_relations", ("oid[]",), _relations_query("= ANY ($1)"))
DEPENDENCIES = Query("dependencies", (), _dependencies_query("IS NOT NULL"))
SOME_DEPENDENCIES = Query("some_dependencies", ("oid[]",), _dependencies_query("= ANY ($1)"))


def effect_of(
    statement: Statement,
    seen: Seen,
    now: Surroundings,
    keys: Mapping[str, int],
    held: frozenset[tuple[int, str]],
) -> StatementEffect:
    """Returns what a statement did.

    + seen: by the look after it
    + now: what is there since then; keys: of the lines, and how many of these there are
    + held: the locks of its transaction before it
    """
    change = seen.patch
    locks = _locks_of(seen, now, held, _used(seen, now))
    patch = Patch(
        frozenset(line for line in change.minus if not is_own(line)),
        frozenset(line for line in change.plus if not is_own(line)),
    )
    own = {key_of(line) for line in change.minus | change.plus if is_own(line)}
    needs = {key for *_, key in _new(seen, now)} | {f"table {lock.relation}" for lock in locks}
    made, dropped = Counter(map(key_of, patch.plus)), frozenset(map(key_of, patch.minus))
    return StatementEffect(
        number=statement.number,
        words=statement.words,
        checksum=statement.checksum,
        patch=patch,
        locks=locks,
        rewrites=_rewritten(seen, now),
        # Of what was there before.
        needs=tuple(sorted(key for key in needs if key in dropped or keys.get(key, 0) > made[key])),
        touches=tuple(sorted(own - {key_of(line) for line in patch.minus | patch.plus})),
    )


def dated(statement: Statement, effect: StatementEffect, today: date) -> tuple[str, str] | None:
    """Returns the key of what has a date of these days in it that the statement does not say, and that date.

    None where the statement does not ask for the time: one that counts through a year meets this month, too.

    + today: by the scratch server's clock
    """
    if not _CLOCK.search(statement.text):
        return None
    days = [today + timedelta(days=number) for number in (-1, 0, 1)]
    texts = {f"{day:{form}}" for day in days for form in _DATES}
    unsaid = sorted((one for one in texts if one not in statement.text), key=len, reverse=True)
    pattern = re.compile(rf"(?<![0-9])(?:{'|'.join(unsaid)})(?![0-9])")
    found = ((line, pattern.search(line)) for line in sorted(effect.patch.plus))
    return next(((key_of(line), match[0]) for line, match in found if match and unsaid), None)


def _new(seen: Seen, now: Surroundings) -> Iterable[Dependency]:
    """Yields what depends on something now, and did not before."""
    for oid, before in seen.dependencies.items():
        yield from now.dependencies.get(oid, frozenset()) - before


def _lost(seen: Seen, now: Surroundings) -> Iterable[Dependency]:
    for oid, before in seen.dependencies.items():
        yield from before - now.dependencies.get(oid, frozenset())


def _used(seen: Seen, now: Surroundings) -> frozenset[str]:
    """Returns names that a statement dealt with: objects that changed, what these depend on, and their tables."""
    keys = {key for *_, key in [*_new(seen, now), *_lost(seen, now)]}
    keys |= {key_of(line) for line in seen.patch.minus | seen.patch.plus}
    idents = {key.split(" ", 1)[1] for key in keys}
    return frozenset(idents | {parts_of(ident)[0] for ident in idents})


def _locks_of(
    seen: Seen, now: Surroundings, held: frozenset[tuple[int, str]], used: frozenset[str]
) -> tuple[Lock, ...]:
    """Returns the strongest lock that a statement took on each relation that was there before it.

    A lock that its transaction had already cannot be seen to be taken again: of what the statement dealt with, it is
    the strongest that the transaction has.
    """
    modes = _strongest(seen, now, seen.locks - held)
    for name, mode in _strongest(seen, now, seen.locks).items():
        if name in used:
            modes.setdefault(name, mode)
    return tuple(Lock(mode, name) for name, mode in sorted(modes.items()))


def _strongest(seen: Seen, now: Surroundings, locks: frozenset[tuple[int, str]]) -> dict[str, str]:
    modes: dict[str, str] = {}
    for oid, mode in sorted(locks, key=lambda lock: MODES.index(lock[1])):
        relation = seen.relations[oid] if oid in seen.relations else now.relations.get(oid)
        if relation is not None and relation.kind in ("r", "p", "f", "v", "m"):
            modes[relation.key.split(" ", 1)[1]] = mode
    return modes


def _rewritten(seen: Seen, now: Surroundings) -> tuple[str, ...]:
    return tuple(
        sorted(
            before.key.split(" ", 1)[1]
            for oid, before in seen.relations.items()
            if before is not None
            and before.kind in ("r", "m")
            and oid in now.relations
            and now.relations[oid].storage != before.storage
        )
    )


def in_a_row(step: Iterable[Statement]) -> Iterator[tuple[Statement, ...]]:
    """Yields statements in order: many together that write rows as the one before them does, others one by one."""
    for words, found in groupby(step, _written_as):
        several = tuple(found)
        most = _MOST_IN_A_ROW if words and len(several) >= _FEWEST_IN_A_ROW else 1
        # The first of them is looked at alone: what it locks and needs, the others do, too.
        yield several[:1]
        for first in range(1, len(several), most):
            yield several[first : first + most]


def _written_as(statement: Statement) -> list[str]:
    """Returns a statement's first words, with the table that it writes to; empty for one that does more."""
    return statement.words.split(" ", 3)[:3] if statement.node in WRITES_ROWS else []
