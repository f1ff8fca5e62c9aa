"""The catalog read again in parts, against answers as touched.sql and catalog.sql give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.delta import (
    CATALOG,
    CLASSES,
    PART,
    TOUCHED,
    WRITTEN,
    CatalogReader,
    Changes,
    FrugalReader,
    Query,
    catalog_query,
)

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
        self.attributes: int | None = None
        self.looks = 0

    def execute(self, query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Answers a query."""
        if query is CLASSES:
            return list(OID.items())
        if query is CATALOG:
            self.asked.append(None)
            return self.lines
        if query is PART:
            (scope,) = values
            self.asked.append(scope)
            return [one for one in self.lines if one[2] in (*scope, 0)]
        if query is WRITTEN:
            return [(None if self.written is None else dict(self.written),)]
        assert query is TOUCHED
        self.looks += 1
        _, more, wanted, classes, counted, attributes = values
        self.attributes = attributes
        self.classes.append((classes, counted))
        others: dict[str, int] = {}
        for class_, *_ in (one for one in self.keys if one not in self.fresh):
            others[str(class_)] = others.get(str(class_), 0) + 1
        others |= {str(OID["pg_namespace"]): self.names, str(OID["pg_default_acl"] + 2**32): 1}
        if counted is not None:
            others = {key: rows for key, rows in others.items() if int(key) % 2**32 in counted}
        fresh = [one for one in self.fresh if classes is None or one[0] in classes]
        found = [one for one in self.keys if one[0] in wanted]
        return [(self.whole, self.more, 1, [*self.objects, *more], fresh, others, found, self.elsewhere)]


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


def test_where_very_much_was_written_all_is_read(server: Server, reader: CatalogReader) -> None:
    server.fresh, server.objects = [KEYS[1]], list(range(20002, 21002))

    assert reader.after().lines == {line for line, *_ in LINES}
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
    assert ":among" not in catalog_query()
    assert "c.oid IS NOT NULL" in catalog_query()
    assert "c.oid = ANY ($1)" in PART.text


@pytest.mark.parametrize(("counts", "looks"), [(True, 1), (False, 2)])
def test_where_the_server_counted_no_row_nothing_is_looked_at(
    server: Server, reader: CatalogReader, counts: bool, looks: int
) -> None:
    server.written, server.looks = counted(pg_class=(7, 0)) if counts else None, 0

    first = reader.after()
    reader.changes()
    # What was written in between is not counted by this server: so it is not looked for either.
    second = reader.after()

    assert first is second
    assert reader.changes() == Changes(is_empty=True, objects=frozenset(), since=1, has_less=False)
    assert server.looks == looks


def test_rows_counted_in_another_transaction_say_nothing(server: Server, reader: CatalogReader) -> None:
    server.written, server.looks = counted(pg_class=(7, 0)), 0
    reader.after()
    server.written = counted(pg_class=(9, 1))
    reader.begins()
    server.classes.clear()

    reader.after()
    assert server.classes == []

    server.written = counted(pg_class=(9, 1), pg_proc=(1, 0))
    reader.after()
    assert server.classes == [([OID["pg_proc"]], [])]


def test_a_row_that_was_counted_is_looked_for_where_it_was_written(server: Server, reader: CatalogReader) -> None:
    server.written = counted(pg_class=(7, 2), pg_type=(1, 0))
    before = reader.after()
    reader.changes()
    server.written = counted(pg_class=(8, 2), pg_type=(1, 0))
    server.lines = [*LINES, ("index a_n CREATE", f"{OID['pg_class']}:20005:0", 20001)]
    server.fresh, server.objects = [(OID["pg_class"], 20005, 0)], [20001]
    server.classes.clear()

    assert reader.after().lines - before.lines == {"index a_n CREATE"}
    assert reader.changes() == Changes(is_empty=False, objects=frozenset({20001}), since=1, has_less=False)
    # In no other catalog; and as no row was deleted, the others are not counted.
    assert server.classes == [([OID["pg_class"]], [])]


def test_where_rows_were_deleted_those_that_are_left_are_counted(server: Server, reader: CatalogReader) -> None:
    server.written = {}
    reader.after()
    server.written = counted(pg_constraint=(3, 1), pg_class=(2, 0))
    server.keys.remove(KEYS[2])
    server.lines = [one for one in server.lines if one[2] != 20001]
    server.classes.clear()

    assert reader.after().lines == {line for line, *_ in server.lines}
    assert server.classes[0] == ([OID["pg_constraint"], OID["pg_class"]], [OID["pg_constraint"]])


def test_how_many_rows_of_columns_were_written_is_what_was_counted_meanwhile(
    server: Server, reader: CatalogReader
) -> None:
    server.written = counted(pg_attribute=(10, 4))
    reader.after()
    # Nobody has counted before.
    assert server.attributes is None

    # Three more, two of them deleted.
    server.written = counted(pg_attribute=(13, 6), pg_class=(1, 0))
    reader.after()
    assert server.attributes == 1

    server.written = counted(pg_attribute=(13, 6), pg_class=(2, 0))
    reader.after()
    assert server.attributes == 0


@pytest.mark.parametrize("name", ["pg_default_acl", "pg_description"])
def test_what_belongs_to_nobody_is_read_where_a_row_of_its_catalog_is_gone(
    server: Server, reader: CatalogReader, name: str
) -> None:
    server.written = {}
    reader.after()
    server.written = counted(**{name: (1, 1)})
    server.lines = [one for one in server.lines if one[2] != 0]

    assert reader.after().lines == {line for line, *_ in server.lines}


def test_a_schema_that_is_gone_has_all_read(server: Server, reader: CatalogReader) -> None:
    server.written = {}
    reader.after()
    server.written = counted(pg_namespace=(1, 1))
    server.names -= 1
    server.asked.clear()

    reader.after()

    assert server.asked == [None]


class TestChanges:
    """What was read again since somebody asked."""

    def test_all_was_read_at_first(self, reader: CatalogReader) -> None:
        reader.after()

        assert reader.changes() is None

    def test_they_add_up(self, server: Server, reader: CatalogReader) -> None:
        reader.changes()
        for objects in ([20001], [20002]):
            server.objects = objects
            reader.after()

        found = reader.changes()

        assert found is not None
        assert (found.objects, found.has_less) == (frozenset({20001, 20002}), True)  # This server does not count.

    def test_dependencies_are_gone_where_rows_of_theirs_were_deleted(
        self, server: Server, reader: CatalogReader
    ) -> None:
        server.written = {}
        reader.begins()
        reader.changes()
        for since, rows, has_less in ((-1, (1, 0), False), (1, (2, 1), True)):
            server.written = counted(pg_depend=rows)
            server.objects = [20002]
            reader.after()

            assert reader.changes() == Changes(False, frozenset({20002}), since, has_less)

    def test_what_an_earlier_transaction_wrote_is_told_from_nothing(
        self, server: Server, reader: CatalogReader
    ) -> None:
        reader.changes()
        server.objects = [20001]
        reader.after()

        reader.begins()

        assert reader.changes() is None

    def test_but_not_where_it_was_asked_for_before(self, server: Server, reader: CatalogReader) -> None:
        server.objects = [20001]
        reader.after()
        reader.changes()

        reader.begins()

        found = reader.changes()
        assert found is not None
        assert (found.is_empty, found.since) == (True, -1)


def counted(**rows: tuple[int, int]) -> dict[str, list[int]]:
    """Returns how many rows of catalogs were written or deleted, and deleted, as the server says it."""
    return {str(OID[name]): list(counts) for name, counts in rows.items()}


class TestFrugal:
    """A reader that reads all of a small catalog, the first times."""

    def test_it_reads_all_until_it_has_read_often(self, server: Server) -> None:
        reader = FrugalReader(server.execute)
        reader.begins()
        for number in range(FrugalReader.FEW_READS):
            server.written = counted(pg_class=(number, 0))
            assert reader.after().lines == {line for line, *_ in LINES}
        assert (server.looks, server.asked) == (0, [None] * FrugalReader.FEW_READS)

        server.written = counted(pg_class=(99, 0))
        reader.after()
        server.written = counted(pg_class=(100, 0))
        server.fresh, server.objects = [KEYS[1]], [20002]
        reader.after()

        assert server.asked[FrugalReader.FEW_READS :] == [None, [20002]]

    def test_it_reads_parts_at_once_where_there_are_many_lines(self, server: Server) -> None:
        server.lines += [(f"table many_{number}", f"{OID['pg_class']}:{30000 + number}:0", 0) for number in range(1000)]
        reader = FrugalReader(server.execute)
        reader.begins()
        reader.after()
        server.objects = [20002]
        reader.after()
        reader.after()

        assert server.asked == [None, None, [20002]]

    def test_nothing_written_nothing_read(self, server: Server) -> None:
        reader = FrugalReader(server.execute)
        reader.begins()
        server.written = counted(pg_class=(1, 0))
        reader.after()
        assert reader.changes() is None

        reader.after()

        assert server.asked == [None]
        assert reader.changes() == Changes(is_empty=True, objects=frozenset(), since=-1, has_less=False)

    def test_what_was_forgotten_is_read_again(self, server: Server) -> None:
        reader = FrugalReader(server.execute)
        reader.begins()
        server.written = counted(pg_class=(1, 0))
        reader.after()
        reader.forgets()
        reader.after()

        assert server.asked == [None, None]
