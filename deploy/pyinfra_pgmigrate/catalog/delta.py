"""The catalog read again after statements of a transaction: only of what they wrote, and of what names that.

What the lines of one object may say is in its own rows, or the name of another that it depends on (pg_depend). So
those objects are read again of which the transaction wrote a row, or deleted one, and those that depend on them; of all
others the lines stay. Where something was written whose name may stand anywhere (a schema, a role, an operator, what an
extension brought) all is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .lines import Catalog, KnownLines, Patch
from .queries import CLASSES, RARE_CATALOGS, TOUCHED, WRITTEN, Execute, LineReader

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
    """Where touched.sql looks; see there. None: everywhere.

    + rows: by catalog, how many rows were inserted or updated
    """

    classes: Sequence[int] | None = None
    counted: Sequence[int] | None = None
    rows: Mapping[int, int] | None = None


_EVERYWHERE = _Where()
_NOWHERE = _Where([], [], {})


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
    seen: Mapping[str, tuple[int, str]]
    referenced: Sequence[int]
    updates: Mapping[str, Mapping[str, int]]

    def counts(self, classes: Mapping[str, int], known: Container[tuple[int, int]]) -> Counter[int]:
        """Returns how many rows of each catalog were found, and how often these were updated once they were inserted.

        + classes: oids of the catalogs, by name; known: keys of the relations that were there before
        """
        found = Counter({int(class_): count for class_, (count, _) in self.seen.items()})
        for oid, updates in self.updates.items():
            if (int(oid), 0) not in known:
                found.update({classes[name]: count for name, count in updates.items()})
        return found


@dataclass(frozen=True)
class Reading:
    """What was found to be other than when the catalog was read before.

    + patch: of the lines; at first, all of them
    + is_whole: all was read
    + objects: else, the relations, functions and types that were read, with what names them
    + referenced: of these, those of which rows of pg_depend were written
    + has_less: rows of pg_depend may have been deleted
    """

    patch: Patch
    is_whole: bool = False
    objects: frozenset[int] = frozenset()
    referenced: frozenset[int] = frozenset()
    has_less: bool = False


# Where nothing was written since then.
NOTHING = Reading(Patch())


class _Places:
    """From which place on the rows of each catalog are looked for that a statement wrote.

    A session writes them one after the other, on the page where it wrote last and on new ones. Where it found room
    elsewhere, fewer rows are found than the server has counted; then all of that catalog is looked through. The server
    counts a row again each time that the statement updates it.
    """

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def of(self, where: _Where) -> dict[int, str]:
        """Returns them for what is looked for, as PostgreSQL writes a tid, by catalog."""
        return {one: f"({self._pages[one]},0)" for one in where.rows or () if one in self._pages}

    def are_right(self, asked: Mapping[int, str], where: _Where, found: Mapping[int, int]) -> bool:
        """Returns whether from there on all was found; those of which it was not count no more.

        + found: rows by catalog, and their updates
        """
        short = [one for one in asked if found.get(one, 0) != (where.rows or {})[one]]
        for one in short:
            del self._pages[one]
        return not short

    def note(self, written: _Written) -> None:
        """Notes where rows were found: the next ones will be on the page of the last, or after it."""
        for class_, (_, last) in written.seen.items():
            page = int(last.strip("()").split(",")[0])
            self._pages[int(class_)] = max(page, self._pages.get(int(class_), 0))


class CatalogReader:
    """The catalog of one database as one session writes it, read again and again; nobody else changes it meanwhile.

    + execute: runs a query of the library, in the environment that lines are written in
    + trusts_counts: what was written is looked for in the catalogs alone of which the server counts written rows
    """

    def __init__(self, execute: Execute, *, trusts_counts: bool = True) -> None:
        self._execute = execute
        self._trusts_counts = trusts_counts
        self._classes: dict[str, int] = dict(execute(CLASSES, ()))  # type: ignore[arg-type]
        self._lines_of = LineReader(execute, frozenset(self._classes.get(name, 0) for name in RARE_CATALOGS))
        self._places = _Places()
        self._last = -1
        self._count: _Counts | None = None
        self._known = KnownLines()
        self._homes: dict[tuple[int, int], int] = {}
        self._keys: dict[int, set[tuple[int, int]]] = {}
        self._others: Mapping[str, int] = {}
        self._elsewhere = ""
        self.is_known = False

    @property
    def catalog(self) -> Catalog:
        """The catalog as it was read last."""
        return Catalog.of(self._known.lines)

    @property
    def keys(self) -> Mapping[str, int]:
        """How many lines of it there are that are not own, by key."""
        return self._known.keys

    def may_have_written(self, names: Iterable[str]) -> bool:
        """Returns whether the transaction may have written to some catalogs before the last look."""
        return self._count is None or any(str(self._classes[one]) in self._count for one in names)

    def begins(self) -> None:
        """Says that a transaction begins, in which nothing was written yet."""
        self._last = -1
        self._count = self._rows_written() if self.is_known else None

    def forgets(self) -> None:
        """Says that what was read before does not count any more."""
        self.is_known = False

    def whole(self) -> Reading:
        """Reads all of the catalog."""
        return self._all(self._written(asked=self._owning))

    def after(self) -> Reading:
        """Reads what the transaction has written since the catalog was read before, and what names that."""
        before, self._count = self._count, self._rows_written()
        if not self.is_known:
            return self.whole()
        if self._count is not None and self._count == before:
            return NOTHING
        where = _where(before, self._count)
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
        objects = set(written.objects) | {key[1] for key in gone if key[0] in self._homely}
        patch = Patch()
        if written.fresh or objects or gone or has_more:
            patch = self._replace(objects | {_NOBODY}, self._lines_of.part(list(written.objects)))
        for class_, *key in gone:
            self._keys[class_].discard((key[0], key[1]))
        self._note(written, known)
        return Reading(
            patch,
            objects=frozenset(objects),
            referenced=frozenset(written.referenced),
            has_less=counted is None or self._classes["pg_depend"] in counted,
        )

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
        return written.others.get(str(class_), 0) != len(self._keys[class_]) - len(self._keys[class_] & fresh)

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
        places, known = self._places.of(where), self._keys.get(self._classes["pg_class"], ())
        while True:
            # By place the rows of pg_attribute are found, too: so how many there are is not said.
            scopes = where.classes, where.counted, None
            values = self._last, sorted(more), list(asked), *scopes, list(places), list(places.values())
            ((is_whole, has_more, last, objects, fresh, others, keys, *more_of_it),) = self._execute(TOUCHED, values)
            fresh, keys = ([(class_, object_, part) for class_, object_, part in rows] for rows in (fresh, keys))
            written = _Written(is_whole, has_more, last, objects, fresh, others, keys, *more_of_it)
            if not places or self._places.are_right(places, where, written.counts(self._classes, known)):
                break
            places = self._places.of(where)
        self._places.note(written)
        return written

    def _all(self, written: _Written) -> Reading:
        self._homes = {}
        self._keys = {one: set() for one in self._owning}
        for class_, object_, part in written.keys:
            self._keys[class_].add((object_, part))
        patch = self._replace(None, self._lines_of.all())
        self._note(written, self._others)
        self.is_known = True
        return Reading(patch, is_whole=True)

    def _replace(self, homes: Collection[int] | None, rows: Iterable[Sequence[Any]]) -> Patch:
        found = []
        for line, identity, home in rows:
            found.append((home, line))
            class_, object_, _ = map(int, identity.split(":"))
            self._homes[class_, object_] = home
        return self._known.replace(homes, found)

    def _note(self, written: _Written, known: Collection[str]) -> None:
        self._last = max(self._last, written.last)
        for class_, object_, part in written.fresh:
            self._keys[class_].add((object_, part))
        # What was not looked into is what it was.
        kept = {key: count for key, count in self._others.items() if key not in known}
        self._others, self._elsewhere = {**kept, **written.others}, written.elsewhere


class FrugalReader(CatalogReader):
    """As its parent, but for a small catalog that is read a few times only.

    To plan the queries that read it in parts takes as long as reading some 200 tables a dozen times (measured,
    PostgreSQL 15 and 18): so at first all of it is read.
    """

    FEW_READS, FEW_LINES = 12, 1000

    def __init__(self, execute: Execute, *, trusts_counts: bool = True) -> None:
        super().__init__(execute, trusts_counts=trusts_counts)
        self._reads = 0
        self._is_current = False

    def forgets(self) -> None:
        """Says that what was read before does not count any more."""
        super().forgets()
        self._is_current = False

    def whole(self) -> Reading:
        """Reads all of the catalog."""
        if not self._is_small():
            return super().whole()
        self._reads += 1
        self._is_current = True
        return Reading(self._replace(None, self._lines_of.all()), is_whole=True)

    def after(self) -> Reading:
        """Reads what the transaction has written since the catalog was read before, and what names that."""
        if not self._is_small():
            return super().after()
        before, self._count = self._count, self._rows_written()
        if self._is_current and self._count is not None and self._count == before:
            return NOTHING
        return self.whole()

    def _is_small(self) -> bool:
        return not self.is_known and self._reads < self.FEW_READS and len(self._known) < self.FEW_LINES


def _where(before: _Counts | None, now: _Counts | None) -> _Where:
    """Returns the catalogs of which rows were written meanwhile; everywhere, where nobody counts."""
    if before is None or now is None:
        return _EVERYWHERE
    other = {int(class_): (count, before.get(class_, [0, 0])) for class_, count in now.items()}
    written = [class_ for class_, (count, earlier) in other.items() if count != earlier]
    deleted = [class_ for class_, (count, earlier) in other.items() if count[1] != earlier[1]]
    rows = {class_: count[0] - count[1] - (earlier[0] - earlier[1]) for class_, (count, earlier) in other.items()}
    return _Where(written, deleted, {class_: rows[class_] for class_ in written})


def _alone(others: Mapping[str, int]) -> dict[str, int]:
    return {key: count for key, count in others.items() if int(key) >= _HALF}
