"""Answers as touched.sql and catalog.sql give them, for readers of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyinfra_pgmigrate.catalog.delta import CatalogReader
from pyinfra_pgmigrate.catalog.queries import CATALOG, CLASSES, PART, RARE, TOUCHED, WRITTEN, Query

NAMES = (
    "pg_class", "pg_proc", "pg_type", "pg_constraint", "pg_trigger", "pg_policy", "pg_rewrite", "pg_statistic_ext",
    "pg_publication_rel", "pg_inherits", "pg_description", "pg_depend", "pg_namespace", "pg_default_acl",
    "pg_attribute",
)  # fmt: skip
OID = {name: 1000 + place for place, name in enumerate(NAMES)}

# Table 20001 with a constraint and a comment, table 20002 which names it, and what belongs to nobody.
LINES = [
    ("table a", f"{OID['pg_class']}:20001:0", 20001),
    ("constraint a.c CHECK (true)", f"{OID['pg_constraint']}:30001:0", 20001),
    ("comment constraint a.c 'x'", f"{OID['pg_constraint']}:30001:0", 20001),
    ("table b inherits (a)", f"{OID['pg_class']}:20002:0", 20002),
    ("grant database_defaults tables r PUBLIC SELECT", f"{OID['pg_default_acl']}:9:0", 0),
]
KEYS = [
    (OID["pg_class"], 20001, 0),
    (OID["pg_class"], 20002, 0),
    (OID["pg_constraint"], 30001, 0),
    (OID["pg_inherits"], 20002, 20001),
    (OID["pg_description"], 30001, OID["pg_constraint"]),
    (OID["pg_depend"], 20009, OID["pg_class"] * 2**32 + 1),
]


class Server:
    """A database as the queries see it.

    + written: how many rows it counts by catalog, and how many deleted ones; None: it does not count
    + fresh: rows written since; more: of what belongs to nobody; whole: of what may stand in any line
    + seen: by the looks that come, of each catalog how many rows were found, and the place of the last; places: that
      the last look was to begin at, with their catalogs
    + updates, referenced: see touched.sql
    + rare: something rare is there; with_rare: whether each reading of lines was to read that, too
    """

    def __init__(self) -> None:
        self.lines = list(LINES)
        self.keys = list(KEYS)
        self.fresh: list[tuple[int, int, int]] = []
        self.objects: list[int] = []
        self.more = self.whole = False
        self.names = 3
        self.elsewhere = "roles"
        self.written: dict[str, list[int]] | None = None
        self.asked: list[Any] = []
        self.classes: list[Any] = []
        self.places: list[Any] = []
        self.seen: list[dict[str, tuple[int, str]]] = []
        self.updates: dict[str, dict[str, int]] = {}
        self.referenced: list[int] = []
        self.looks = 0
        self.rare = False
        self.with_rare: list[bool] = []

    def execute(self, query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Answers a query."""
        if query is CLASSES:
            return list(OID.items())
        if query is RARE:
            return [(self.rare,)]
        if query in CATALOG.values():
            self.with_rare.append(query is CATALOG[True])
            self.asked.append(None)
            return self.lines
        if query in PART.values():
            self.with_rare.append(query is PART[True])
            (scope,) = values
            self.asked.append(scope)
            return [one for one in self.lines if one[2] in (*scope, 0)]
        if query is WRITTEN:
            return [(None if self.written is None else dict(self.written),)]
        assert query is TOUCHED
        self.looks += 1
        _, more, wanted, classes, counted, _, *self.places = values
        self.classes.append((classes, counted))
        others: dict[str, int] = {}
        for class_, *_ in (one for one in self.keys if one not in self.fresh):
            others[str(class_)] = others.get(str(class_), 0) + 1
        others |= {str(OID["pg_namespace"]): self.names, str(OID["pg_default_acl"] + 2**32): 1}
        if counted is not None:
            others = {key: rows for key, rows in others.items() if int(key) % 2**32 in counted}
        fresh = [one for one in self.fresh if classes is None or one[0] in classes]
        found = [one for one in self.keys if one[0] in wanted]
        seen = self.seen.pop(0) if self.seen else {}
        known = self.whole, self.more, 1, [*self.objects, *more], fresh, others, found, self.elsewhere
        return [(*known, seen, self.referenced, self.updates)]


def lines_after(reader: CatalogReader) -> set[str]:
    """Returns the lines of a catalog that was read again."""
    reader.after()
    return set(reader.catalog.lines)


def counted(**rows: tuple[int, int]) -> dict[str, list[int]]:
    """Returns how many rows of catalogs were written or deleted, and deleted, as the server says it."""
    return {str(OID[name]): list(counts) for name, counts in rows.items()}
