"""What a statement did, from the database before and after it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..catalog.delta import Changes
from ..catalog.lines import Catalog, Patch, escaped, is_own, key_of, parts_of
from ..catalog.queries import Execute, Query
from ..resources import read_sql
from ..sqltext.lock_modes import MODES
from ..sqltext.parser import Statement
from .effect import Lock, StatementEffect, keys

# What belongs to the whole server, as (kind, name, facts).
Server = frozenset[tuple[str, str, str]]

# What depends on something, as in pg_depend (catalog, oid, part), and the key of that on which it depends.
Dependency = tuple[int, int, int, str]


@dataclass(frozen=True)
class Relation:
    """A relation of the scratch database.

    + storage: another number once it was rewritten
    """

    key: str
    kind: str
    storage: int


@dataclass(frozen=True)
class Scene:
    """The scratch database between two statements.

    + relations: by oid; dependencies: by oid of what is depended on
    + locks: what the transaction holds so far, as (relation oid, mode)
    + server: what belongs to the whole server
    """

    catalog: Catalog
    relations: Mapping[int, Relation]
    dependencies: Mapping[int, frozenset[Dependency]]
    locks: frozenset[tuple[int, str]]
    server: Server


class Surroundings:
    """The relations of the scratch database and what depends on what, read again of what a statement wrote alone.

    + execute: runs a query of the library
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self.relations: Mapping[int, Relation] = {}
        self.dependencies: Mapping[int, frozenset[Dependency]] = {}

    def update(self, changes: Changes | None) -> None:
        """Reads what may have changed since the last time.

        + changes: what was written meanwhile; None: anything
        """
        if changes is None:
            self.relations = dict(self._relations(RELATIONS))
            self.dependencies = self._dependencies(DEPENDENCIES)
            return
        if changes.is_empty:
            return
        objects = sorted(changes.objects)
        relations = {oid: one for oid, one in self.relations.items() if oid not in changes.objects}
        self.relations = {**relations, **dict(self._relations(SOME_RELATIONS, objects))}
        if changes.has_less:
            self.dependencies = self._dependencies(DEPENDENCIES)
            return
        known = {oid: rows for oid, rows in self.dependencies.items() if oid not in changes.objects}
        for oid, rows in self._dependencies(SOME_DEPENDENCIES, objects, changes.since).items():
            known[oid] = known.get(oid, frozenset()) | rows
        self.dependencies = known

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


RELATIONS = Query("relations", (), _relations_query("IS NOT NULL"))
SOME_RELATIONS = Query("some_relations", ("oid[]",), _relations_query("= ANY ($1)"))
DEPENDENCIES = Query("dependencies", (), _dependencies_query("true"))
SOME_DEPENDENCIES = Query(
    "some_dependencies",
    ("oid[]", "integer"),
    _dependencies_query("d.refobjid = ANY ($1) OR -pg_catalog.age(d.xmin) > $2"),
)


def effect_of(statement: Statement, before: Scene, after: Scene, held: frozenset[tuple[int, str]]) -> StatementEffect:
    """Returns what a statement did.

    + held: the locks of its transaction before it
    """
    change = before.catalog.difference(after.catalog)
    locks = _locks_of(before, after, held, _used(before, after, change))
    known = keys(before.catalog)
    patch = Patch(
        frozenset(line for line in change.minus if not is_own(line)),
        frozenset(line for line in change.plus if not is_own(line)),
    )
    own = {key_of(line) for line in change.minus | change.plus if is_own(line)}
    needs = {key for *_, key in _new(before, after)} | {f"table {lock.relation}" for lock in locks}
    return StatementEffect(
        number=statement.number,
        words=statement.words,
        checksum=statement.checksum,
        patch=patch,
        locks=locks,
        rewrites=_rewritten(before, after),
        needs=tuple(sorted(needs & known)),
        touches=tuple(sorted(own - {key_of(line) for line in patch.minus | patch.plus})),
    )


def _new(before: Scene, after: Scene) -> Iterable[Dependency]:
    """Yields what depends on something after, and did not before."""
    for oid, rows in after.dependencies.items():
        known = before.dependencies.get(oid, frozenset())
        if rows is not known:
            yield from rows - known


def _used(before: Scene, after: Scene, change: Patch) -> frozenset[str]:
    """Returns names that a statement dealt with: objects that changed, what these depend on, and their tables."""
    keys = {key for *_, key in [*_new(before, after), *_new(after, before)]}
    keys |= {key_of(line) for line in change.minus | change.plus}
    idents = {key.split(" ", 1)[1] for key in keys}
    return frozenset(idents | {parts_of(ident)[0] for ident in idents})


def _locks_of(before: Scene, after: Scene, held: frozenset[tuple[int, str]], used: frozenset[str]) -> tuple[Lock, ...]:
    """Returns the strongest lock that a statement took on each relation that was there before it.

    A lock that its transaction had already cannot be seen to be taken again: of what the statement dealt with, it is
    the strongest that the transaction has.
    """
    modes = _strongest(before, after.locks - held)
    for name, mode in _strongest(before, after.locks).items():
        if name in used:
            modes.setdefault(name, mode)
    return tuple(Lock(mode, name) for name, mode in sorted(modes.items()))


def _strongest(before: Scene, locks: frozenset[tuple[int, str]]) -> dict[str, str]:
    modes: dict[str, str] = {}
    for oid, mode in sorted(locks, key=lambda lock: MODES.index(lock[1])):
        relation = before.relations.get(oid)
        if relation is not None and relation.kind in ("r", "p", "f", "v", "m"):
            modes[relation.key.split(" ", 1)[1]] = mode
    return modes


def _rewritten(before: Scene, after: Scene) -> tuple[str, ...]:
    return tuple(
        sorted(
            relation.key.split(" ", 1)[1]
            for oid, relation in before.relations.items()
            if relation.kind in ("r", "m")
            and oid in after.relations
            and after.relations[oid].storage != relation.storage
        )
    )
