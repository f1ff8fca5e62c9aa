"""The catalog read again after statements of a transaction: only of what they wrote, and of what names that.

What the lines of one object may say is in its own rows, or the name of another that it depends on (pg_depend). So
those objects are read again of which the transaction wrote a row, or deleted one, and those that depend on them; of all
others the lines stay. Where something was written whose name may stand anywhere (a schema, a role, an operator, what an
extension brought) all is read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .lines import Catalog
from .queries import CATALOG, CLASSES, PART, RARE, RARE_CATALOGS, TOUCHED, WRITTEN, Execute

# By oid of a catalog: how many of its rows were written or deleted, and how many deleted.
_Counts = Mapping[str, Sequence[int]]
# Row of a catalog: oid of the catalog, and what tells its rows apart.
_Key = tuple[int, int, int]

_NOBODY = 0
# So many relations, functions and types are not found quicker one by one (measured, PostgreSQL 18).
_MANY = 1000
_HALF = 2**32
_EXTENSION = 1


@dataclass(frozen=True)
class _Where:
    """Where touched.sql looks; see there. None: everywhere."""

    classes: Sequence[int] | None = None
    counted: Sequence[int] | None = None
    attributes: int | None = None


_EVERYWHERE = _Where()
_NOWHERE = _Where([], [])


@dataclass(frozen=True)
class _Written:
    """What touched.sql says; see there."""

    is_whole: bool
    has_more: bool
    last: int
    objects: Sequence[int]
    fresh: Sequence[_Key]
    others: Mapping[str, int]
    keys: Sequence[_Key]
    elsewhere: str


@dataclass(frozen=True)
class Changes:
    """What was written to the catalog.

    + is_empty: nothing
    + objects: relations, functions and types with what names them, of which something was written
    + since: the rows that were written have a higher -age(xmin)
    + has_less: rows of pg_depend may have been deleted
    """

    is_empty: bool
    objects: frozenset[int]
    since: int
    has_less: bool


class _Log:
    """What was read again since somebody asked for it: at first, all."""

    def __init__(self) -> None:
        self._objects: set[int] | None = None
        self._is_empty, self._has_less, self._since = False, False, -1

    def begins(self) -> None:
        """Says that a transaction begins: by age only what the current one wrote is found."""
        self._since = -1
        if not self._is_empty:
            self._objects = None

    def note(self, objects: Collection[int] | None, *, has_less: bool = False) -> None:
        """Notes what was read; None: all. See ``Changes``."""
        self._is_empty = False
        self._has_less |= has_less
        self._objects = None if objects is None or self._objects is None else self._objects.union(objects)

    def taken(self, last: int) -> Changes | None:
        """Returns what was noted, None for all, and begins again.

        + last: highest -age(xmin) of what was read
        """
        objects, has_less, since, is_empty = self._objects, self._has_less, self._since, self._is_empty
        self._objects, self._has_less, self._since, self._is_empty = set(), False, last, True
        return None if objects is None else Changes(is_empty, frozenset(objects), since, has_less)


class _Lines:
    """The lines of a catalog, read without what is rare as long as there is nothing of it.

    + rare: catalogs that are looked into for that
    """

    def __init__(self, execute: Execute, rare: Collection[int]) -> None:
        self._execute, self._rare, self._has_rare = execute, rare, False

    def hears_of(self, classes: Collection[int] | None) -> None:
        """Looks whether something rare has come with what was written.

        + classes: catalogs that were written; None: any
        """
        if not self._has_rare and (classes is None or any(one in self._rare for one in classes)):
            ((self._has_rare,),) = self._execute(RARE, ())

    def all(self) -> Sequence[Sequence[Any]]:
        """Returns them all, each with identity and home."""
        self.hears_of(None)
        return self._execute(CATALOG[self._has_rare], ())

    def part(self, scope: Sequence[int]) -> Sequence[Sequence[Any]]:
        """Returns those of some relations, functions and types, and of what belongs to none."""
        return self._execute(PART[self._has_rare], (scope,))


class CatalogReader:
    """The catalog of one database as one session writes it, read again and again; nobody else changes it meanwhile.

    + execute: runs a query of the library, in the environment that lines are written in
    + trusts_counts: what was written is looked for in the catalogs alone of which the server counts written rows
    """

    def __init__(self, execute: Execute, *, trusts_counts: bool = True) -> None:
        self._execute = execute
        self._trusts_counts = trusts_counts
        self._classes: dict[str, int] = dict(execute(CLASSES, ()))  # type: ignore[arg-type]
        self._lines_of = _Lines(execute, frozenset(self._classes.get(name, 0) for name in RARE_CATALOGS))
        self._last = -1
        self._count: _Counts | None = None
        self._lines: dict[int, tuple[str, ...]] = {}
        self._counts: Counter[str] = Counter()
        self._homes: dict[tuple[int, int], int] = {}
        self._keys: dict[int, set[tuple[int, int]]] = {}
        self._others: Mapping[str, int] = {}
        self._elsewhere = ""
        self._now: Catalog | None = None
        self.is_known = False
        self._log = _Log()

    def begins(self) -> None:
        """Says that a transaction begins, in which nothing was written yet."""
        self._log.begins()
        self._last = -1
        self._count = self._rows_written() if self.is_known else None

    def changes(self) -> Changes | None:
        """Returns what was read again since this was asked before; None: all of it."""
        return self._log.taken(self._last)

    def forgets(self) -> None:
        """Says that what was read before does not count any more."""
        self.is_known = False

    def whole(self) -> Catalog:
        """Returns the catalog, all of it read."""
        return self._all(self._written(asked=self._owning))

    def after(self) -> Catalog:
        """Returns the catalog after what the transaction has written since it was read before."""
        before, self._count = self._count, self._rows_written()
        if not self.is_known:
            return self.whole()
        if self._count is not None and self._count == before:
            return self._catalog()
        where = _where(before, self._count, self._classes["pg_attribute"])
        written, counted = self._written(where), where.counted
        known = self._known_of(counted)
        lacks_names = self._named(written.others) != self._named(known)
        if written.is_whole or written.elsewhere != self._elsewhere or lacks_names:
            return self.whole()
        owning = self._owning if counted is None else [one for one in self._owning if one in counted]
        lacking = [one for one in owning if self._is_short(one, written)]
        gone: set[_Key] = set()
        if lacking:
            there = self._written(_NOWHERE, asked=lacking)
            gone = self._gone(lacking, there.keys)
            if self._of_extension(gone):
                return self.whole()
            homes = {home for one in gone for home in self._homes_of(one)}
            written = self._written(where, more=homes)
        if len(written.objects) >= _MANY:
            return self.whole()
        self._lines_of.hears_of(where.classes)
        has_more = written.has_more or self._may_lack_more(counted) or _alone(written.others) != _alone(known)
        if written.fresh or gone or written.objects or has_more:
            self._now = None
            objects = set(written.objects) | {key[1] for key in gone if key[0] in self._homely}
            self._replace(objects | {_NOBODY}, self._lines_of.part(list(written.objects)))
            self._log.note(objects, has_less=counted is None or self._classes["pg_depend"] in counted)
        for class_, *key in gone:
            self._keys[class_].discard((key[0], key[1]))
        self._note(written, known)
        return self._catalog()

    # What is known.

    @property
    def _homely(self) -> frozenset[int]:
        return frozenset(self._classes[name] for name in ("pg_class", "pg_proc", "pg_type"))

    @property
    def _owning(self) -> list[int]:
        """Catalogs whose rows have an owner among relations, functions and types."""
        names = (
            "pg_class", "pg_proc", "pg_type", "pg_constraint", "pg_trigger", "pg_policy", "pg_rewrite",
            "pg_statistic_ext", "pg_publication_rel", "pg_inherits", "pg_description", "pg_depend",
        )  # fmt: skip
        return [self._classes[name] for name in names]

    def _is_short(self, class_: int, written: _Written) -> bool:
        fresh = {(one[1], one[2]) for one in written.fresh if one[0] == class_}
        return written.others.get(str(class_), 0) != len(self._keys[class_] - fresh)

    def _known_of(self, classes: Collection[int] | None) -> Mapping[str, int]:
        """Returns what is known of how many rows some catalogs have."""
        if classes is None:
            return self._others
        return {key: count for key, count in self._others.items() if int(key) % _HALF in classes}

    def _may_lack_more(self, counted: Collection[int] | None) -> bool:
        """Returns whether rows were deleted that may belong to no relation, function or type."""
        comments = self._classes["pg_description"]
        return counted is not None and any(one not in self._owning or one == comments for one in counted)

    def _named(self, others: Mapping[str, int]) -> dict[str, int]:
        owning = {str(one) for one in self._owning}
        return {key: count for key, count in others.items() if key not in owning and int(key) < _HALF}

    def _gone(self, classes: Collection[int], there: Iterable[_Key]) -> set[_Key]:
        found = set(there)
        return {(one, *key) for one in classes for key in self._keys[one] if (one, *key) not in found}

    def _of_extension(self, gone: Iterable[_Key]) -> bool:
        depend = self._classes["pg_depend"]
        return any(class_ == depend and part % _HALF == _EXTENSION for class_, _, part in gone)

    def _homes_of(self, key: _Key) -> Iterable[int]:
        """Yields to what a row belonged that is no more."""
        class_, object_, part = key
        if class_ in self._homely or class_ == self._classes["pg_depend"]:
            yield object_
        elif class_ == self._classes["pg_inherits"]:
            yield from (object_, part)
        elif class_ == self._classes["pg_description"]:
            of = part % _HALF
            yield object_ if of in self._homely else self._homes.get((of, object_), _NOBODY)
        else:
            yield self._homes.get((class_, object_), _NOBODY)

    # Reading.

    def _rows_written(self) -> _Counts | None:
        if not self._trusts_counts:
            return None
        ((found,),) = self._execute(WRITTEN, ())
        return found  # type: ignore[no-any-return]

    def _written(
        self, where: _Where = _EVERYWHERE, *, more: Collection[int] = (), asked: Collection[int] = ()
    ) -> _Written:
        values = self._last, sorted(more), list(asked), where.classes, where.counted, where.attributes
        (row,) = self._execute(TOUCHED, values)
        is_whole, has_more, last, objects, fresh, others, keys, elsewhere = row
        return _Written(
            is_whole,
            has_more,
            last,
            objects,
            [(class_, object_, part) for class_, object_, part in fresh],
            others,
            [(class_, object_, part) for class_, object_, part in keys],
            elsewhere,
        )

    def _all(self, written: _Written) -> Catalog:
        self._now = None
        self._log.note(None)
        self._lines, self._counts, self._homes = {}, Counter(), {}
        self._keys = {one: set() for one in self._owning}
        for class_, object_, part in written.keys:
            self._keys[class_].add((object_, part))
        self._replace(set(), self._lines_of.all())
        self._note(written, self._others)
        self.is_known = True
        return self._catalog()

    def _replace(self, homes: Collection[int], rows: Iterable[Sequence[Any]]) -> None:
        for home in homes:
            self._counts.subtract(self._lines.pop(home, ()))
        found: defaultdict[int, list[str]] = defaultdict(list)
        for line, identity, home in rows:
            found[home].append(line)
            class_, object_, _ = map(int, identity.split(":"))
            self._homes[class_, object_] = home
        for home, lines in found.items():
            self._lines[home] = tuple(lines)
            self._counts.update(lines)

    def _note(self, written: _Written, known: Collection[str]) -> None:
        self._last = max(self._last, written.last)
        for class_, object_, part in written.fresh:
            self._keys[class_].add((object_, part))
        # What was not looked into is what it was.
        kept = {key: count for key, count in self._others.items() if key not in known}
        self._others, self._elsewhere = {**kept, **written.others}, written.elsewhere

    def _catalog(self) -> Catalog:
        if self._now is None:
            self._now = Catalog(frozenset(line for line, count in self._counts.items() if count > 0))
        return self._now


class FrugalReader(CatalogReader):
    """As its parent, but for a small catalog that is read a few times only.

    To plan the queries that read it in parts takes as long as reading some 200 tables a dozen times (measured,
    PostgreSQL 15 and 18): so at first all of it is read.
    """

    FEW_READS, FEW_LINES = 12, 1000

    def __init__(self, execute: Execute, *, trusts_counts: bool = True) -> None:
        super().__init__(execute, trusts_counts=trusts_counts)
        self._reads = 0

    def forgets(self) -> None:
        """Says that what was read before does not count any more."""
        super().forgets()
        self._now = None

    def whole(self) -> Catalog:
        """Returns the catalog, all of it read."""
        if not self._is_small():
            return super().whole()
        self._reads += 1
        self._log.note(None)
        self._now = Catalog(frozenset(line for line, *_ in self._lines_of.all()))
        return self._now

    def after(self) -> Catalog:
        """Returns the catalog after what the transaction has written since it was read before."""
        if not self._is_small():
            return super().after()
        before, self._count = self._count, self._rows_written()
        if self._now is not None and self._count is not None and self._count == before:
            return self._now
        return self.whole()

    def _is_small(self) -> bool:
        has_few = self._now is None or len(self._now.lines) < self.FEW_LINES
        return not self.is_known and self._reads < self.FEW_READS and has_few


def _where(before: _Counts | None, now: _Counts | None, attributes: int) -> _Where:
    """Returns the catalogs of which rows were written meanwhile; everywhere, where nobody counts.

    + attributes: oid of pg_attribute
    """
    if before is None or now is None:
        return _EVERYWHERE
    other = {class_: (count, before.get(class_, [0, 0])) for class_, count in now.items()}
    written = [int(class_) for class_, (count, earlier) in other.items() if count != earlier]
    deleted = [int(class_) for class_, (count, earlier) in other.items() if count[1] != earlier[1]]
    count, earlier = other.get(str(attributes), ([0, 0], [0, 0]))
    return _Where(written, deleted, count[0] - count[1] - (earlier[0] - earlier[1]))


def _alone(others: Mapping[str, int]) -> dict[str, int]:
    return {key: count for key, count in others.items() if int(key) >= _HALF}
