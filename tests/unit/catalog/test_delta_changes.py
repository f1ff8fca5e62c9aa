"""What a reader of the catalog says of what it read again; and one that reads all of a small catalog at first."""

from __future__ import annotations

from pyinfra_pgmigrate.catalog.delta import CatalogReader, Changes, FrugalReader

from tests.unit.catalog.answers import KEYS, LINES, OID, Server, counted


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
