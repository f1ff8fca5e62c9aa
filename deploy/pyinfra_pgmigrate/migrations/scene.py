"""What a statement did, from the database before and after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..catalog.lines import Catalog, Patch, is_own, key_of, parts_of
from ..catalog.lock_modes import MODES
from ..sqltext.parser import Statement
from .effect import Lock, StatementEffect, keys

# What belongs to the whole server, as (kind, name, facts).
Server = frozenset[tuple[str, str, str]]


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

    + locks: what the transaction holds so far, as (relation oid, mode)
    + server: what belongs to the whole server
    """

    catalog: Catalog
    relations: dict[int, Relation]
    dependencies: frozenset[tuple[int, int, int, str]]
    locks: frozenset[tuple[int, str]]
    server: Server


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
    needs = {key for *_, key in after.dependencies - before.dependencies} | {f"table {lock.relation}" for lock in locks}
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


def _used(before: Scene, after: Scene, change: Patch) -> frozenset[str]:
    """Returns names that a statement dealt with: objects that changed, what these depend on, and their tables."""
    keys = {key for *_, key in before.dependencies ^ after.dependencies}
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
