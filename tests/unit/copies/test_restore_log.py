"""What pg_restore complains of, sorted; what no restore brings, and what a copy lacks for reasons of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.copies.ownership import Left
from pyinfra_pgmigrate.copies.restore_log import (
    MOST_COMMAND,
    Complaint,
    Judged,
    complaints,
    differences,
    judged,
    outside,
    unfound,
)

# As pg_restore 18 prints the failure of a function whose own names have no schema; its text ends with a line end.
OUTPUT = """\
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3512; 1259 16450 INDEX by_rate app
pg_restore: error: could not execute query: ERROR:  relation "rates" does not exist
LINE 2:     SELECT max(rate) FROM rates
                                  ^
QUERY:
    SELECT max(rate) FROM rates

CONTEXT:  SQL function "top_rate" during inlining
Command was: CREATE INDEX by_rate ON public.projects
    USING btree (public.top_rate(id));


pg_restore: error: could not read from input file: end of file
"""


class TestComplaints:
    def test_are_read_with_what_was_tried_and_where_the_server_was(self) -> None:
        first, second = complaints(OUTPUT)

        assert first.message == 'relation "rates" does not exist'
        assert first.command == "CREATE INDEX by_rate ON public.projects USING btree (public.top_rate(id));"
        assert 'SQL function "top_rate" during inlining' in first.context
        assert (second.message, second.command) == ("could not read from input file: end of file", "")

    def test_of_a_program_without_errors_are_none(self) -> None:
        assert complaints("pg_restore: connecting to database for restore\npg_restore: creating TABLE t\n") == []
        assert complaints("") == []

    def test_what_only_a_newer_program_sets_is_no_failure(self) -> None:
        found = judged(
            [Complaint('unrecognized configuration parameter "transaction_timeout"', "SET transaction_timeout = 0;")],
            {},
        )

        assert found == Judged()

    def test_an_extension_takes_what_hangs_on_it_along(self) -> None:
        found = judged(
            [
                Complaint("permission denied", 'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;'),
                Complaint("function public.uuid_generate_v4() does not exist", "CREATE TABLE public.t (id uuid)"),
                Complaint("could not read from input file: end of file"),
            ],
            {"app"},
        )

        assert found.notes == (
            'extension "uuid-ossp" could not be made: permission denied',
            "left out with an extension: CREATE TABLE public.t (id uuid)",
        )
        assert found.lost == {"uuid-ossp"}
        assert found.failures == ("could not read from input file: end of file",)

    def test_without_that_the_same_is_a_failure_with_the_beginning_of_the_command(self) -> None:
        found = judged([Complaint("does not exist", f"CREATE TABLE {'x' * 200}")], {"app"})

        assert found.failures == (f"does not exist (CREATE TABLE {'x' * (MOST_COMMAND - len('CREATE TABLE '))})",)

    def test_objects_of_a_role_that_is_not_there_are_bare(self) -> None:
        found = judged(
            [Complaint('role "gone" does not exist', 'GRANT SELECT ON TABLE public."Order Notes" TO gone;')], {"app"}
        )

        assert found.notes == ('role "gone" is not on the server: what it owns or may do was left out',)
        assert found.lost == {"gone"}
        assert found.bare == {"Order Notes"}


class TestExplains:
    @pytest.mark.parametrize(
        ("line", "explained"),
        [
            ("definition view v SELECT 1", True),
            ('grant table "Order Notes" app SELECT', True),
            ('grant column s."Order Notes".id app SELECT', True),
            ("grant table notes app SELECT", False),
            ("grant table t gone SELECT", True),
            ("owner table t gone", True),
            ("owner table t gone_too", False),
            ("owner event_trigger watch app", True),
            ("event_trigger watch on sql_drop execute f()", True),
            ("event_trigger other on sql_drop execute watch()", False),
            ("publication feed insert", True),
            ("publication_table feed.t", True),
            ("publication_table other.t", False),
            ("grant defaults public.tables maker reader SELECT", True),
            ("grant database_defaults tables other reader SELECT", False),
            ("extension gone", True),
            ("policy t.p PERMISSIVE FOR ALL TO gone USING (true)", True),
            ("policy t.p PERMISSIVE FOR ALL TO app USING (true)", False),
            ("table gone", False),
            ("column t.gone text", False),
        ],
    )
    def test_a_line_for_the_reasons_that_were_found_and_no_other(self, line: str, explained: bool) -> None:
        found = Judged(lost=frozenset({"gone"})).and_left(
            Left(
                names=frozenset({"Order Notes"}), made=frozenset({"watch", "feed"}), defaults=frozenset({"maker"})
            )
        )  # fmt: skip

        assert found.explains(line) is explained

    def test_what_was_left_out_adds_to_what_pg_restore_said(self) -> None:
        found = Judged(("a note",), ("a failure",), frozenset({"x"}), frozenset({"t"})).and_left(
            Left(("a note", "another"), frozenset({"y"}), frozenset({"u"}))
        )

        assert found == Judged(("a note", "another"), ("a failure",), frozenset({"x", "y"}), frozenset({"t", "u"}))


class TestDifferences:
    CONTENTS = Contents({"public.t": (1, "x")}, 0, Catalog.of(["table t", "grant table t gone SELECT"]))

    def test_lines_that_are_explained_do_not_count(self) -> None:
        found = replace(self.CONTENTS, catalog=Catalog.of(["table t"]))

        assert list(differences(self.CONTENTS, found)) == ["catalog: - grant table t gone SELECT"]
        assert list(differences(self.CONTENTS, found, Judged(lost=frozenset({"gone"})))) == []

    def test_lines_of_another_form_are_not_compared_and_rows_are(self) -> None:
        found = Contents({"public.t": (2, "y")}, 0, Catalog.of([]), lines_version=self.CONTENTS.lines_version - 1)

        assert list(differences(self.CONTENTS, found)) == ["table public.t has 2 rows, expected 1"]


class TestUnfound:
    CATALOG = Catalog.of(
        [
            "function top_rate(integer) (a integer) returns numeric language sql as x",
            'function "My F"(text) (a text) returns text language plpgsql as x',
            "function twice(integer) (a integer) returns integer language sql as x",
            "function twice(text) (a text) returns text language sql as x",
        ]
    )

    @pytest.mark.parametrize(
        ("context", "function", "is_own"),
        [
            ('SQL function "top_rate" during inlining', "top_rate(integer)", True),
            ('PL/pgSQL function public."My F"(text) line 3 at RETURN', '"My F"(text)', True),
            # Of several of that name the catalog does not tell which.
            ('SQL function "twice" statement 1', "twice", True),
            ("PL/pgSQL function ext.theirs(integer) line 1 at IF", "ext.theirs(integer)", False),
        ],
    )
    def test_the_function_that_does_not_find_something_is_named(
        self, context: str, function: str, is_own: bool
    ) -> None:
        complaint = Complaint('relation "rates" does not exist', "CREATE INDEX i", f"CONTEXT:  {context}\n")
        found = unfound([Complaint("permission denied"), complaint], self.CATALOG)

        assert found is not None
        assert (found.function, found.is_own, found.complaint) == (function, is_own, complaint)

    def test_where_no_function_was_at_work_there_is_none(self) -> None:
        assert unfound([Complaint('relation "t" does not exist', "COPY t")], self.CATALOG) is None
        assert unfound([Complaint("no", "x", 'SQL function "top_rate" during inlining')], self.CATALOG) is None
        assert unfound([], self.CATALOG) is None


@pytest.mark.parametrize(
    ("status", "failures", "reason"),
    [
        (137, ["x"], "pg_restore was ended by signal 9"),
        (1, ["x", "server closed the connection unexpectedly"], "server closed the connection unexpectedly"),
        (1, ["sorry, too many connections"], "sorry, too many connections"),
        (1, ["relation does not exist"], ""),
        (0, [], ""),
    ],
)
def test_the_first_reason_outside_the_backup_is_told(status: int, failures: list[str], reason: str) -> None:
    assert outside(status, failures) == reason
