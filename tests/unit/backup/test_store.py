"""Backups as values: manifests, retention, room, what pg_restore complains of."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.backup.manifest import Manifest, Verification, read_manifest
from pyinfra_pgmigrate.backup.store import (
    Backup,
    Store,
    Unsafe,
    decoded,
    found_backup,
    label_of,
    lineage,
    state_of,
)
from pyinfra_pgmigrate.backup.store import store as store_of
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.copies.restore_log import complaints, differences, judged, outside
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.registry.model import Identity

GIB = 1 << 30
HERE = Identity("7", 1, 1)


def manifest(number: int, how: str = "restore", **more: Any) -> Manifest:
    made = Manifest(
        label=f"stage.{number}",
        database="stage",
        system_identifier="7",
        server_version="17.5",
        server_version_num=170005,
        taken_at="2026-11-22T13:00:00Z",
        taken_s=1000 + number,
        lsn="0/1",
        state="state",
        applied=0,
        size_bytes=10 * GIB,
        backup_bytes=1 * GIB,
        duration_ms=1,
        tables=1,
        rows=1,
        sums={},
        pg_dump="pg_dump (PostgreSQL) 17.5",
        compression="zstd",
        globals="all",
        extensions={"plpgsql": "1.0"},
        roles=("postgres",),
        run_id="run",
        operator="me@here",
        tool_version="0",
        verification=Verification(how, "2026-11-22T13:01:00Z", "17.5", ("a note",)),
        database_oid=1,
        timeline=1,
    )
    return replace(made, **more)


def store(*manifests: Manifest) -> Store:
    backups = tuple(Backup(one.label, one) for one in manifests)
    return Store(folder="/backups", now_s=2000, free_bytes=GIB, pg_dump="", backups=backups)


class TestManifest:
    def test_is_read_as_it_was_written(self) -> None:
        assert read_manifest(manifest(1).text()) == manifest(1)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (manifest(1).text().replace('"rows": 1', '"rows": 2'), "was edited"),
            (manifest(1).text()[:-20], "cannot be read"),
            ("[]", "cannot be read"),
            ("", "cannot be read"),
            (replace(manifest(1), format=3).text(), "format 3, this tool reads 2"),
        ],
    )
    def test_is_refused_when_it_is_not_what_was_written(self, text: str, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            read_manifest(text)

    def test_of_another_backup_is_a_problem(self) -> None:
        assert found_backup("stage.2", manifest(1).text()).problem == "its manifest belongs to stage.1"
        assert found_backup("stage.1", "").problem == "it has no manifest"


class TestStore:
    @pytest.mark.parametrize(
        ("found", "wanted", "stands_in"),
        [
            ("restore", "restore", True), ("restore", "none", True), ("read", "read", True),
            ("read", "restore", False), ("none", "read", False), ("failed", "none", False),
        ],
    )  # fmt: skip
    def test_a_backup_stands_in_for_what_proves_no_more(self, found: str, wanted: str, stands_in: bool) -> None:
        young = store(manifest(999, found)).young(state="state", identity=HERE, max_age_s=60, how=wanted)

        assert (young is not None) == stands_in

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "other"}, {"system_identifier": "8"}, {"taken_s": 1}, {"database_oid": 2}, {"database_oid": 0},
            {"timeline": 2},
        ],
    )  # fmt: skip
    def test_one_of_another_state_server_or_time_does_not(self, change: dict[str, Any]) -> None:
        found = store(manifest(999, **change))

        assert found.young(state="state", identity=HERE, max_age_s=60, how="restore") is None

    def test_latest_is_the_newest_that_is_verified(self) -> None:
        found = store(manifest(1), manifest(3, "none"), manifest(2, "read"), manifest(4, "failed")).latest(HERE)

        assert [one.label for one in found] == ["stage.2"]

    def test_a_backup_is_of_the_database_and_of_those_that_restores_put_it_in_the_place_of(self) -> None:
        found = replace(
            store(*(manifest(number, database_oid=number) for number in range(6))),
            lineage=(("7", 1, 2), ("7", 2, 3), ("8", 1, 4), ("7", 5, 1)),
        )

        assert [one.database_oid for one in found.own(HERE)] == [3, 2, 1, 0]
        assert found.foreign(manifest(1, system_identifier="8"), HERE) == "it is of server 8, this is 7"
        assert found.superfluous(1, set(), HERE) == ["stage.2", "stage.1", "stage.0"]

    def test_where_there_is_no_database_any_more_the_latest_is_the_one_of_each_that_was(self) -> None:
        found = replace(
            store(*(manifest(number, database_oid=oid) for number, oid in enumerate((1, 2, 3, 1)))),
            lineage=(("7", 1, 3),),
        )

        assert [one.label for one in found.latest(Identity("7", 0))] == ["stage.3", "stage.1"]

    def test_a_server_that_does_not_tell_its_number_takes_those_of_the_database_number(self) -> None:
        found = store(manifest(1), manifest(2, database_oid=2))

        assert [one.label for one in found.own(Identity("", 1))] == ["stage.1"]

    @pytest.mark.parametrize(
        ("kinds", "keep", "referenced", "goes"),
        [
            (["restore"] * 4, 2, set(), ["stage.1", "stage.0"]),
            (["restore"] * 4, 2, {"stage.0"}, ["stage.1"]),
            (["restore", "none", "none", "none"], 1, set(), ["stage.2", "stage.1"]),
            (["none"] * 4, 1, set(), []),
            (["restore", "failed", "failed"], 1, set(), ["stage.1"]),
            (["restore"], 5, set(), []),
        ],
    )
    def test_retention(self, kinds: list[str], keep: int, referenced: set[str], goes: list[str]) -> None:
        found = store(*(manifest(number, how) for number, how in enumerate(kinds)))

        assert found.superfluous(keep, referenced, HERE) == goes

    def test_room_is_estimated_from_the_backup_before_or_from_the_tables(self) -> None:
        assert store().needed_bytes(10 * GIB, 7 * GIB) == 7 * GIB
        assert store(manifest(1)).needed_bytes(20 * GIB, 15 * GIB) == round(1.2 * 2 * GIB)
        # A database that shrank needs no less, and one that had no size says nothing.
        assert store(manifest(1)).needed_bytes(5 * GIB, 15 * GIB) == round(1.2 * GIB)
        assert store(manifest(1, size_bytes=0)).needed_bytes(5 * GIB, 15 * GIB) == 15 * GIB

    def test_without_a_database_backups_that_do_not_say_their_number_are_of_one(self) -> None:
        found = store(manifest(1, database_oid=0), manifest(2, database_oid=5), manifest(3, database_oid=6))

        assert [one.label for one in found.latest(Identity("7", 0))] == ["stage.3", "stage.2"]


def quoted(text: str) -> str:
    """Returns a text as head.sh puts it into a value."""
    return base64.b64encode(text.encode()).decode()


class TestLook:
    LINES = (
        ("folder", quoted("/srv/backups")),
        ("now", 2000.5),
        ("free_kib", 1024),
        ("pg_dump", "pg_dump (PostgreSQL) 18.1"),
        ("lineage", quoted("7 3 2\n 2 1\nnot a line\n7 1\n")),
        (
            "backups",
            [
                ["stage.1", quoted(manifest(1).text()), ""],
                ["stage.2", "", quoted("found a link at x; expected a file")],
                ["stage.3", "", ""],
                ["stage.4", quoted("no JSON"), ""],
            ],
        ),
    )

    def test_tells_the_backups_and_the_room(self) -> None:
        found = store_of(Answer(0, self.LINES))

        assert isinstance(found, Store)
        assert (found.folder, found.now_s, found.free_bytes, found.data_free_bytes) == (
            "/srv/backups",
            2000.5,
            1024 * 1024,
            None,
        )
        assert found.lineage == (("7", 3, 2), ("", 2, 1))
        assert [(one.label, one.problem) for one in found.backups] == [
            ("stage.1", ""),
            ("stage.2", "found a link at x; expected a file"),
            ("stage.3", "it has no manifest"),
            ("stage.4", "its manifest cannot be read"),
        ]
        assert found.good == [manifest(1)]
        assert found.named("stage.3") == Backup("stage.3", problem="it has no manifest")
        assert found.named("stage.9") is None

    def test_tells_the_room_for_the_data_where_it_is_known(self) -> None:
        found = store_of(Answer(0, (*self.LINES, ("data_free_kib", 7))))

        assert isinstance(found, Store)
        assert found.data_free_bytes == 7 * 1024

    def test_tells_a_path_that_another_may_change(self) -> None:
        told = ["found it", "expected that", "chmod go-w", "/srv/ü"]

        assert store_of(Answer(76, (("unsafe", [quoted(one) for one in told]),))) == Unsafe(*told)

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Answer(73, (("problem", quoted("cannot write to /tmp")),)), "cannot write to /tmp"),
            (Answer(None, (), "killed"), "killed"),
            (Answer(0, ()), "no answer"),
        ],
    )
    def test_of_no_store_is_refused_with_what_the_host_said(self, answer: Answer, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            store_of(answer)

    def test_text_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no base64"):
            decoded("not base64!")
        assert decoded(base64.b64encode(b"\xff").decode()) == "\ufffd"

    def test_a_lineage_takes_whole_lines_alone(self) -> None:
        assert lineage("7 3 2 1\nx 3 2\n7 -3 2\n") == ()

    def test_a_label_sorts_by_time_and_says_how_many_migrations_are_in_it(self) -> None:
        assert label_of("shop-1", "2026-11-22T13:05:09Z", 12) == "shop-1.20261122T130509Z.012"
        assert label_of("x", "2026-11-22T13:05:09Z", 12) < label_of("x", "2026-11-22T13:05:10Z", 2)


class TestDifferences:
    def test_names_rows_contents_and_lines(self) -> None:
        expected = Contents({"a": (1, "x"), "b": (1, "x"), "c": (1, "x")}, 1, Catalog.of(["table a", "table b"]))
        found = Contents({"a": (2, "y"), "b": (1, "y"), "d": (1, "x")}, 0, Catalog.of(["table a", "table c"]))

        assert list(differences(expected, found)) == [
            "table a has 2 rows, expected 1",
            "table b has other contents in its 1 rows",
            "table c is missing",
            "table d is not in the backup",
            "there are 0 large objects, expected 1",
            "catalog: - table b",
            "catalog: + table c",
        ]

    def test_state_depends_on_catalog_and_registry(self) -> None:
        catalog = Catalog.of(["table a"])

        assert state_of(catalog, [(1, "x")]) != state_of(catalog, [(1, "y")])
        assert state_of(catalog, []) != state_of(Catalog.of([]), [])


# In the form of pg_restore 18; the acceptance tests have a real extension of that kind.
REAL = """\
pg_restore: error: could not execute query: ERROR:  can only create extension in database postgres
DETAIL:  Jobs must be scheduled from the database configured in cron.database_name.
Command was: CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;


pg_restore: error: could not execute query: ERROR:  extension "pg_cron" does not exist
Command was: COMMENT ON EXTENSION pg_cron IS 'Job scheduler for PostgreSQL';


pg_restore: error: could not execute query: ERROR:  role "only_here" does not exist
Command was: GRANT SELECT ON TABLE public.projects TO only_here;


pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
"""


class TestComplaints:
    def test_that_have_reasons_outside_the_backup_are_notes(self) -> None:
        found = judged(complaints(REAL), roles={"postgres"})

        assert found.failures == ()
        assert [note.split(":")[0] for note in found.notes] == [
            'extension "pg_cron" could not be made',
            "left out with an extension",
            'role "only_here" is not on the server',
        ]
        assert found.explains("extension pg_cron")
        assert found.explains("grant table projects postgres SELECT")
        assert not found.explains("grant table customers postgres SELECT")
        assert not found.explains("table projects")

    @pytest.mark.parametrize(
        "output",
        [
            'pg_restore: error: could not execute query: ERROR:  relation "a" does not exist\nCommand was: COPY a;\n',
            'pg_restore: error: could not execute query: ERROR:  role "postgres" does not exist\nCommand was: x;\n',
            "pg_restore: error: could not uncompress data: (null)\n",
        ],
    )
    def test_of_any_other_kind_are_failures(self, output: str) -> None:
        assert len(judged(complaints(output), roles={"postgres"}).failures) == 1

    @pytest.mark.parametrize(
        ("status", "failures", "is_outside"),
        [
            (137, [], True),
            (1, ["COPY failed for table a: ERROR:  could not extend file: No space left on device"], True),
            (1, ["could not uncompress data: (null)"], False),
            (1, [], False),
        ],
    )
    def test_trouble_of_the_machine_says_nothing_of_the_backup(
        self, status: int, failures: list[str], is_outside: bool
    ) -> None:
        assert bool(outside(status, failures)) == is_outside
