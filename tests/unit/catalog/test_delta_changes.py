"""What a reader of the catalog says of what it read again; and one that reads all of a small catalog at first."""

from __future__ import annotations

from pyinfra_pgmigrate.catalog.delta import CatalogReader, FrugalReader, Reading
from pyinfra_pgmigrate.catalog.lines import Patch

from tests.unit.catalog.answers import KEYS, LINES, OID, Server, counted, lines_after


class TestReading:
    """What was found to be other than before."""

    def test_all_is_new_at_first(self, server: Server) -> None:
        assert CatalogReader(server.execute).after() == Reading(
            Patch(plus=frozenset(line for line, *_ in LINES)), is_whole=True
        )

    def test_lines_that_came_and_went_and_what_was_read(self, server: Server, reader: CatalogReader) -> None:
        server.lines[3] = ("table b", *LINES[3][1:])
        server.fresh, server.objects, server.referenced = [KEYS[1]], [20002], [20001]

        # This server does not count: rows of pg_depend may have been deleted.
        assert reader.after() == Reading(
            Patch(frozenset({"table b inherits (a)"}), frozenset({"table b"})),
            objects=frozenset({20002}),
            referenced=frozenset({20001}),
            has_less=True,
        )

    def test_what_only_depends_on_something_else_is_said_too(self, server: Server, reader: CatalogReader) -> None:
        server.written = {}
        reader.after()
        server.written, server.referenced = counted(pg_depend=(1, 0)), [20001]
        server.asked.clear()

        assert reader.after() == Reading(Patch(), referenced=frozenset({20001}))
        assert server.asked == []

    def test_dependencies_are_gone_where_rows_of_theirs_were_deleted(
        self, server: Server, reader: CatalogReader
    ) -> None:
        server.written = {}
        reader.begins()
        for rows, has_less in (((1, 0), False), ((2, 1), True)):
            server.written = counted(pg_depend=rows)
            server.objects = [20002]

            assert reader.after() == Reading(Patch(), objects=frozenset({20002}), has_less=has_less)

    def test_lines_of_a_key_are_counted(self, server: Server, reader: CatalogReader) -> None:
        assert reader.keys == {"table a": 1, "constraint a.c": 1, "table b": 1}

        server.lines[3] = ("table a inherits (z)", *LINES[3][1:])
        server.objects = [20002]
        reader.after()

        assert reader.keys == {"table a": 2, "constraint a.c": 1}

    def test_what_all_databases_share_is_written_where_it_was_counted(
        self, server: Server, reader: CatalogReader
    ) -> None:
        # This server does not count.
        assert reader.may_have_written(["pg_proc"])

        server.written = counted(pg_class=(1, 0))
        reader.after()

        assert not reader.may_have_written(["pg_proc"])
        assert reader.may_have_written(["pg_proc", "pg_class"])


class TestFrugal:
    """A reader that reads all of a small catalog, the first times."""

    def test_it_reads_all_until_it_has_read_often(self, server: Server) -> None:
        reader = FrugalReader(server.execute)
        reader.begins()
        for number in range(FrugalReader.FEW_READS):
            server.written = counted(pg_class=(number, 0))
            assert lines_after(reader) == {line for line, *_ in LINES}
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
        assert reader.after().is_whole

        assert reader.after() == Reading(Patch())
        assert server.asked == [None]

    def test_what_was_forgotten_is_read_again(self, server: Server) -> None:
        reader = FrugalReader(server.execute)
        reader.begins()
        server.written = counted(pg_class=(1, 0))
        reader.after()
        reader.forgets()
        reader.after()

        assert server.asked == [None, None]
