"""The catalog read again in parts, against answers as touched.sql and catalog.sql give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.delta import CATALOG, CLASSES, TOUCHED, WRITTEN, CatalogReader, Query, catalog_query

NAMES = (
    "pg_class", "pg_proc", "pg_type", "pg_constraint", "pg_trigger", "pg_policy", "pg_rewrite", "pg_statistic_ext",
    "pg_publication_rel", "pg_inherits", "pg_description", "pg_depend", "pg_namespace", "pg_default_acl",
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

    + written: how many rows it counts; None: it does not count
    + fresh: rows written since; more: of what belongs to nobody; whole: of what may stand in any line
    """

    def __init__(self) -> None:
        self.lines = list(LINES)
        self.keys = list(KEYS)
        self.fresh: list[tuple[int, int, int]] = []
        self.objects: list[int] = []
        self.more = self.whole = False
        self.names = 3
        self.elsewhere = "roles"
        self.written: int | None = None
        self.asked: list[Any] = []
        self.looks = 0

    def execute(self, query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Answers a query."""
        if query is CLASSES:
            return list(OID.items())
        if query is CATALOG:
            (scope,) = values
            self.asked.append(scope)
            return [one for one in self.lines if scope is None or one[2] in (*scope, 0)]
        if query is WRITTEN:
            return [(self.written,)]
        assert query is TOUCHED
        self.looks += 1
        _, more, wanted = values
        others: dict[str, int] = {}
        for class_, *_ in (one for one in self.keys if one not in self.fresh):
            others[str(class_)] = others.get(str(class_), 0) + 1
        others |= {str(OID["pg_namespace"]): self.names, str(OID["pg_default_acl"] + 2**32): 1}
        found = [one for one in self.keys if one[0] in wanted]
        return [(self.whole, self.more, 1, [*self.objects, *more], self.fresh, others, found, self.elsewhere)]


@pytest.fixture
def server() -> Server:
    """A server whose catalog was read."""
    return Server()


@pytest.fixture
def reader(server: Server) -> CatalogReader:
    """One that has read all of it."""
    reader = CatalogReader(server.execute)
    reader.begins()
    assert reader.after().lines == {line for line, *_ in LINES}
    server.asked.clear()
    return reader


def test_nothing_written_nothing_read(server: Server, reader: CatalogReader) -> None:
    assert reader.after().lines == {line for line, *_ in LINES}
    assert server.asked == []


def test_what_was_written_is_read_and_nothing_else(server: Server, reader: CatalogReader) -> None:
    server.lines[3] = ("table b", *LINES[3][1:])
    server.fresh, server.objects = [KEYS[1]], [20002]

    assert reader.after().lines == {line for line, *_ in server.lines}
    assert server.asked == [[20002]]


def test_what_is_new_is_known_from_then_on(server: Server, reader: CatalogReader) -> None:
    made = (OID["pg_class"], 20003, 0)
    server.keys.append(made)
    server.lines.append(("table c", f"{OID['pg_class']}:20003:0", 20003))
    server.fresh, server.objects = [made], [20003]
    assert "table c" in reader.after().lines

    server.fresh, server.objects = [], []
    server.keys.remove(made)
    server.lines.pop()

    assert "table c" not in reader.after().lines


@pytest.mark.parametrize(
    ("gone", "home"),
    [(KEYS[2], 20001), (KEYS[4], 20001), (KEYS[3], 20002), (KEYS[0], 20001)],
)
def test_what_is_gone_is_found_by_its_absence(
    server: Server, reader: CatalogReader, gone: tuple[int, int, int], home: int
) -> None:
    server.keys.remove(gone)
    server.lines = [one for one in server.lines if one[2] != home]

    assert reader.after().lines == {line for line, *_ in server.lines}
    assert server.asked[0] is not None
    assert reader.after().lines == {line for line, *_ in server.lines}


@pytest.mark.parametrize("what", ["schema", "written", "role", "extension"])
def test_what_may_stand_anywhere_has_all_read(server: Server, reader: CatalogReader, what: str) -> None:
    if what == "schema":
        server.names -= 1
    elif what == "written":
        server.whole = True
    elif what == "role":
        server.elsewhere = "other roles"
    else:
        server.keys.remove(KEYS[5])
    server.lines.append(("table d", f"{OID['pg_class']}:20004:0", 20004))

    assert "table d" in reader.after().lines
    assert server.asked == [None]


def test_what_belongs_to_nobody_is_read_each_time(server: Server, reader: CatalogReader) -> None:
    server.lines.pop()
    server.more = True

    assert reader.after().lines == {line for line, *_ in server.lines}
    assert server.asked == [[]]


def test_what_was_forgotten_is_read_whole(server: Server, reader: CatalogReader) -> None:
    reader.forgets()
    reader.after()

    assert server.asked == [None]
    assert reader.whole().lines == {line for line, *_ in LINES}


def test_two_objects_may_say_the_same(server: Server, reader: CatalogReader) -> None:
    server.lines.append(("table a", f"{OID['pg_class']}:20002:0", 20002))
    server.objects = [20002]
    assert "table a" in reader.after().lines

    server.lines.pop()

    assert "table a" in reader.after().lines


def test_the_place_of_the_scope_is_filled() -> None:
    assert ":scope" not in catalog_query("NULL")
    assert "NULL::pg_catalog.oid[] AS objects" in catalog_query("NULL")


@pytest.mark.parametrize(("written", "looks"), [(7, 1), (None, 2)])
def test_where_the_server_counted_no_row_nothing_is_looked_at(
    server: Server, reader: CatalogReader, written: int | None, looks: int
) -> None:
    server.written, server.looks = written, 0

    first, revision = reader.after(), reader.revision
    # What was written in between is not counted by this server: so it is not looked for either.
    second = reader.after()

    assert (first is second, reader.revision) == (True, revision)
    assert server.looks == looks


def test_rows_counted_in_another_transaction_say_nothing(server: Server, reader: CatalogReader) -> None:
    server.written, server.looks = 7, 0
    reader.after()

    reader.begins()
    reader.after()

    assert server.looks == 2


def test_a_row_that_was_counted_is_looked_for(server: Server, reader: CatalogReader) -> None:
    server.written = 7
    before, revision = reader.after(), reader.revision
    server.written = 8
    server.lines = [*LINES, ("index a_n CREATE", f"{OID['pg_class']}:20005:0", 20001)]
    server.fresh, server.objects = [(OID["pg_class"], 20005, 0)], [20001]

    assert reader.after().lines - before.lines == {"index a_n CREATE"}
    assert reader.revision == revision + 1
