"""The catalog read again in parts, against answers as touched.sql and catalog.sql give them."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.delta import CatalogReader, Reading
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.catalog.queries import PART, catalog_query

from tests.unit.catalog.answers import KEYS, LINES, OID, Server, counted, lines_after


def test_nothing_written_nothing_read(server: Server, reader: CatalogReader) -> None:
    assert lines_after(reader) == {line for line, *_ in LINES}
    assert server.asked == []


def test_what_was_written_is_read_and_nothing_else(server: Server, reader: CatalogReader) -> None:
    server.lines[3] = ("table b", *LINES[3][1:])
    server.fresh, server.objects = [KEYS[1]], [20002]

    assert lines_after(reader) == {line for line, *_ in server.lines}
    assert server.asked == [[20002]]


def test_what_is_new_is_known_from_then_on(server: Server, reader: CatalogReader) -> None:
    made = (OID["pg_class"], 20003, 0)
    server.keys.append(made)
    server.lines.append(("table c", f"{OID['pg_class']}:20003:0", 20003))
    server.fresh, server.objects = [made], [20003]
    assert "table c" in lines_after(reader)

    server.fresh, server.objects = [], []
    server.keys.remove(made)
    server.lines.pop()

    assert "table c" not in lines_after(reader)


@pytest.mark.parametrize(
    ("gone", "home"),
    [(KEYS[2], 20001), (KEYS[4], 20001), (KEYS[3], 20002), (KEYS[0], 20001)],
)
def test_what_is_gone_is_found_by_its_absence(
    server: Server, reader: CatalogReader, gone: tuple[int, int, int], home: int
) -> None:
    server.keys.remove(gone)
    server.lines = [one for one in server.lines if one[2] != home]

    assert lines_after(reader) == {line for line, *_ in server.lines}
    assert server.asked[0] is not None
    assert lines_after(reader) == {line for line, *_ in server.lines}


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

    assert "table d" in lines_after(reader)
    assert server.asked == [None]


def test_where_very_much_was_written_all_is_read(server: Server, reader: CatalogReader) -> None:
    server.fresh, server.objects = [KEYS[1]], list(range(20002, 21002))

    assert lines_after(reader) == {line for line, *_ in LINES}
    assert server.asked == [None]


def test_what_belongs_to_nobody_is_read_each_time(server: Server, reader: CatalogReader) -> None:
    server.lines.pop()
    server.more = True

    assert lines_after(reader) == {line for line, *_ in server.lines}
    assert server.asked == [[]]


def test_what_was_forgotten_is_read_whole(server: Server, reader: CatalogReader) -> None:
    reader.forgets()
    reader.after()

    assert server.asked == [None]
    assert reader.whole() == Reading(Patch(), is_whole=True)
    assert reader.catalog.lines == {line for line, *_ in LINES}


def test_two_objects_may_say_the_same(server: Server, reader: CatalogReader) -> None:
    server.lines.append(("table a", f"{OID['pg_class']}:20002:0", 20002))
    server.objects = [20002]
    assert "table a" in lines_after(reader)

    server.lines.pop()

    assert "table a" in lines_after(reader)


def test_the_place_of_the_scope_is_filled() -> None:
    assert ":among" not in catalog_query()
    assert "c.oid IS NOT NULL" in catalog_query()
    assert "c.oid = ANY ($1)" in PART[True].text


@pytest.mark.parametrize(("counts", "looks"), [(True, 1), (False, 2)])
def test_where_the_server_counted_no_row_nothing_is_looked_at(
    server: Server, reader: CatalogReader, counts: bool, looks: int
) -> None:
    server.written, server.looks = counted(pg_class=(7, 0)) if counts else None, 0

    reader.after()
    # What was written in between is not counted by this server: so it is not looked for either.
    second = reader.after()

    # Where it does not count, rows may have been deleted.
    assert second == Reading(Patch(), has_less=not counts)
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
    reader.after()
    server.written = counted(pg_class=(8, 2), pg_type=(1, 0))
    server.lines = [*LINES, ("index a_n CREATE", f"{OID['pg_class']}:20005:0", 20001)]
    server.fresh, server.objects = [(OID["pg_class"], 20005, 0)], [20001]
    server.classes.clear()

    assert reader.after() == Reading(Patch(plus=frozenset({"index a_n CREATE"})), objects=frozenset({20001}))
    # In no other catalog; and as no row was deleted, the others are not counted.
    assert server.classes == [([OID["pg_class"]], [])]


def test_where_rows_were_deleted_those_that_are_left_are_counted(server: Server, reader: CatalogReader) -> None:
    server.written = {}
    reader.after()
    server.written = counted(pg_constraint=(3, 1), pg_class=(2, 0))
    server.keys.remove(KEYS[2])
    server.lines = [one for one in server.lines if one[2] != 20001]
    server.classes.clear()

    assert lines_after(reader) == {line for line, *_ in server.lines}
    assert server.classes[0] == ([OID["pg_constraint"], OID["pg_class"]], [OID["pg_constraint"]])


class TestPlaces:
    """Where rows are looked for that a statement wrote."""

    @pytest.fixture
    def found(self, server: Server, reader: CatalogReader) -> CatalogReader:
        """A reader that found rows of two catalogs at the end of some page."""
        server.written = {}
        reader.begins()
        server.written = counted(pg_class=(4, 0), pg_type=(2, 0))
        server.seen = [{str(OID["pg_class"]): (4, "(7,30)"), str(OID["pg_type"]): (2, "(9,3)")}]
        reader.after()
        assert server.places == [[], []]
        server.looks = 0
        return reader

    def test_on_the_page_where_the_last_were_found_and_after_it(self, server: Server, found: CatalogReader) -> None:
        server.written = counted(pg_class=(6, 1), pg_type=(2, 0), pg_proc=(1, 0))
        server.seen = [{str(OID["pg_class"]): (1, "(8,1)"), str(OID["pg_proc"]): (1, "(90,2)")}]
        found.after()

        # Of two rows one was deleted; nobody has found any of pg_proc before.
        assert (server.places, server.looks) == ([[OID["pg_class"]], ["(7,0)"]], 1)

    def test_everywhere_where_fewer_were_found_than_were_written(self, server: Server, found: CatalogReader) -> None:
        server.written = counted(pg_class=(6, 0), pg_type=(3, 0))
        server.seen = [
            {str(OID["pg_class"]): (1, "(8,1)"), str(OID["pg_type"]): (1, "(9,4)")},
            {str(OID["pg_class"]): (2, "(8,1)"), str(OID["pg_type"]): (1, "(9,4)")},
        ]
        found.after()
        # The one that is in place is not looked for elsewhere.
        assert (server.places, server.looks) == ([[OID["pg_type"]], ["(9,0)"]], 2)

        server.written = counted(pg_class=(7, 0), pg_type=(3, 0))
        server.seen = [{str(OID["pg_class"]): (1, "(8,2)")}]
        found.after()
        assert (server.places, server.looks) == ([[OID["pg_class"]], ["(8,0)"]], 3)

    def test_a_new_row_that_was_updated_is_counted_twice(self, server: Server, found: CatalogReader) -> None:
        server.written = counted(pg_class=(7, 0), pg_type=(2, 0))
        server.seen = [{str(OID["pg_class"]): (1, "(8,1)")}]
        server.updates = {"20777": {"pg_class": 2, "pg_attribute": 1}}
        found.after()

        assert server.looks == 1

    def test_never_on_a_page_before_one_where_rows_were_found(self, server: Server, found: CatalogReader) -> None:
        server.written = counted(pg_class=(5, 0), pg_type=(2, 0))
        # What was there is written again where it was.
        server.seen = [{str(OID["pg_class"]): (1, "(2,7)")}]
        found.after()
        server.written = counted(pg_class=(6, 0), pg_type=(2, 0))
        server.seen = [{str(OID["pg_class"]): (1, "(7,31)")}]
        found.after()

        assert (server.places, server.looks) == ([[OID["pg_class"]], ["(7,0)"]], 2)

    def test_but_what_was_there_before_is_not(self, server: Server, found: CatalogReader) -> None:
        server.written = counted(pg_class=(7, 0), pg_type=(2, 0))
        server.seen = [{str(OID["pg_class"]): (1, "(8,1)")}, {str(OID["pg_class"]): (3, "(8,1)")}]
        server.updates = {"20001": {"pg_class": 2}}
        found.after()

        assert (server.places, server.looks) == ([[], []], 2)


@pytest.mark.parametrize("name", ["pg_default_acl", "pg_description"])
def test_what_belongs_to_nobody_is_read_where_a_row_of_its_catalog_is_gone(
    server: Server, reader: CatalogReader, name: str
) -> None:
    server.written = {}
    reader.after()
    server.written = counted(**{name: (1, 1)})
    server.lines = [one for one in server.lines if one[2] != 0]

    assert lines_after(reader) == {line for line, *_ in server.lines}


def test_a_schema_that_is_gone_has_all_read(server: Server, reader: CatalogReader) -> None:
    server.written = {}
    reader.after()
    server.written = counted(pg_namespace=(1, 1))
    server.names -= 1
    server.asked.clear()

    reader.after()

    assert server.asked == [None]
