"""The text of refusals: each says what was found and expected, and the one next step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.planning import refusals
from pyinfra_pgmigrate.planning.state import Clash, Judgement, State
from pyinfra_pgmigrate.registry.model import Problem, Verified

from tests.support import plans
from tests.support.captured import observed
from tests.support.migrations import MIGRATIONS, NAMES

FIRST = MIGRATIONS[0]
LINES = tuple(f"column projects.c{number} text" for number in range(1, 8))


def judged(**found: object) -> Judgement:
    return Judgement(State.CONFLICT, {}, **found)  # type: ignore[arg-type]


class TestProblems:
    def test_the_first_five_are_told_and_all_are_counted(self) -> None:
        problems = tuple(Problem(f"project {number}", "no variant") for number in range(1, 8))

        told = refusals.problems_of(Verified(problems, count=40))

        assert told.startswith("project 1: no variant; project 2")
        assert "project 5" in told
        assert "project 6" not in told
        assert told.endswith("; and 35 more")

    def test_five_are_all(self) -> None:
        problems = tuple(Problem(f"project {number}", "no variant") for number in range(1, 6))

        assert "more" not in refusals.problems_of(Verified(problems, count=5))

    def test_a_query_that_could_not_run_says_why(self) -> None:
        failed = Verified(count=None, sqlstate="22012", message="division by zero")

        told = refusals.problems_of(failed)

        assert told == "the verify query could not run: division by zero (SQLSTATE 22012)"
        refusal = refusals.not_verified(FIRST, failed)
        assert refusal.kind is Kind.VERIFY
        assert "some problem(s)" in refusal.message
        assert told in refusal.detail


class TestLacking:
    def test_what_is_missing_is_named_with_where_to_stop(self) -> None:
        found = refusals.lacking(MIGRATIONS[1], list(LINES), 1)

        assert found.kind is Kind.NEEDS
        assert LINES[0] in found.message
        assert "and 2 more" in found.detail
        assert "pg_target=001" in found.hint

    def test_where_to_stop_is_a_migration_that_there_is(self) -> None:
        # 0 is no target, and numbers may have gaps.
        first, *others = plans.plan("empty").refusals

        assert "pg_target" not in first.hint
        for refusal in others:
            version = int(refusal.hint.rpartition("pg_target=")[2])
            assert version in {one.version for one in MIGRATIONS}

    def test_over_a_gap_the_migration_before_it_is_named(self) -> None:
        found = refusals.lacking(replace(FIRST, version=20, name="020_later"), list(LINES), 7)

        assert "pg_target=007" in found.hint


class TestInterrupted:
    def test_what_changed_since_is_told(self) -> None:
        found = refusals.interrupted(FIRST, judged(missing=(LINES[0],), left=(LINES[1],)), "1, 2")

        assert found.kind is Kind.CONFLICT
        assert f"missing: {LINES[0]}; there: {LINES[1]}" in found.detail
        assert "statements 1, 2" in found.detail
        assert "all of it in place" in refusals.interrupted(FIRST, judged(), "1").detail


class TestHalfThere:
    def test_a_statement_without_a_trace_leaves_it_open(self) -> None:
        found = refusals.half_there(FIRST, judged(missing=LINES), (3,))

        assert found.kind is Kind.AMBIGUOUS
        assert "whether statement 3 ran cannot be seen" in found.message
        assert "and 2 more" in found.detail
        assert "pg_applied=1" in found.hint
        assert "repeatable: true" in found.hint
        assert "statements 3, 4" in refusals.half_there(FIRST, judged(), (3, 4)).message

    def test_where_all_can_be_seen_running_the_rest_is_wrong(self) -> None:
        found = refusals.half_there(FIRST, judged(left=(LINES[0],)), ())

        assert found.kind is Kind.CONFLICT
        assert f"still there: {LINES[0]}" in found.detail
        assert "repeatable" not in found.hint
        assert found.hint.endswith(".")


class TestAmbiguous:
    @pytest.mark.parametrize(
        ("statements", "what"),
        [((), "it leaves no trace in the catalog"), ((2,), "statement 2 of it leaves no"), ((2, 4), "statements 2, 4 of it leave no")],
    )  # fmt: skip
    def test_both_answers_are_offered(self, statements: tuple[int, ...], what: str) -> None:
        found = refusals.ambiguous(MIGRATIONS[2], statements, 2)

        assert found.kind is Kind.AMBIGUOUS
        assert what in found.message
        assert f"{NAMES[2]}.verify.sql" in found.detail
        assert "If it ran: --data pg_applied=3" in found.hint
        assert "if it did not: --data pg_applied=2" in found.hint


class TestEnds:
    def test_an_end_that_is_another_is_told_line_by_line(self) -> None:
        found = refusals.leads_elsewhere(FIRST, LINES[:2], {LINES[0]})

        assert found.kind is Kind.CONFLICT
        assert f"there: {LINES[0]}; missing: {LINES[1]}" in found.detail

    def test_a_word_that_the_catalog_contradicts_is_told_with_the_nearest(self) -> None:
        found = refusals.not_as_stated(5, LINES[:2], Catalog.of([LINES[1]]), 2)

        assert f"missing: {LINES[0]}; there: {LINES[1]}" in found.detail
        assert "pg_applied=2" in found.hint


class TestOfTheDatabase:
    def test_a_schema_is_told_with_whom_to_grant_it_to(self) -> None:
        found = refusals.schema_missing("stage", observed(18, "legacy-nowhere"))

        assert 'schema "stage" in database "shop"' in found.message
        assert "GRANT USAGE ON SCHEMA stage TO postgres" in found.hint

    def test_both_versions_of_a_newer_registry_are_told(self) -> None:
        found = refusals.registry_newer(99, 7)

        assert found.kind is Kind.REGISTRY
        assert ("99" in found.message, "7" in found.detail) == (True, True)

    def test_a_superuser_among_functions_of_others_is_told_how_many(self) -> None:
        server = replace(observed(18, "applied-6").server, foreign_code=("public.f()", "public.g()"))

        found = refusals.too_powerful(server)

        assert found.kind is Kind.PRIVILEGE
        assert "2 function(s)" in found.detail
        assert "public.f()" in found.detail

    @pytest.mark.parametrize("refuse", [refusals.no_such_target, refusals.no_such_applied])
    def test_a_number_without_a_file_is_told_with_those_there_are(self, refuse: object) -> None:
        assert callable(refuse)
        found, none = refuse(42, MIGRATIONS), refuse(42, ())

        assert found.kind is Kind.SETTINGS
        assert "042" in found.message
        assert "001, 002, 003, 004, 005, 006" in found.detail
        assert "none" in none.detail


class TestDrifted:
    def test_every_kind_of_difference_is_told(self) -> None:
        clashes = (
            Clash("column a.b", "column a.b text", "column a.b integer"),
            Clash("column a.c", None, "column a.c text"),
        )

        found = refusals.drifted(
            FIRST,
            judged(missing=(LINES[0],), left=(LINES[1],), clashes=clashes),
            Verified((Problem("project 1", "no variant"),), count=1),
        )

        assert found.kind is Kind.DRIFT
        assert (
            f"missing: {LINES[0]}; there again: {LINES[1]}; changed: column a.b text (expected column a.b integer)"
            in found.detail
        )
        assert "; project 1: no variant; expected" in found.detail
        assert "a.c" not in found.detail

    def test_what_holds_by_its_verify_query_adds_nothing(self) -> None:
        found = refusals.drifted(FIRST, judged(missing=(LINES[0],)), Verified())

        assert found.detail.startswith(f"Found missing: {LINES[0]}; expected")

    def test_what_cannot_be_repaired_is_told_with_what_is_there(self) -> None:
        clashes = (Clash("column a.b", None, "column a.b integer"),)

        assert "nothing (expected column a.b integer)" in refusals.not_repairable(FIRST, judged(clashes=clashes)).detail
        assert "half there" in refusals.not_repairable(FIRST, judged()).detail


class TestConflict:
    def test_an_object_of_that_name_is_told_before_what_is_missing(self) -> None:
        clashes = (
            Clash("column a.c", None, "column a.c text"),
            Clash("column a.b", "column a.b text", "column a.b integer"),
            Clash("column a.d", "column a.d text", "column a.d integer"),
        )

        found = refusals.conflict(FIRST, judged(clashes=clashes))

        assert "column a.b exists with another definition (1 more)" in found.message
        assert found.detail == "Found column a.b text; expected column a.b integer."

    def test_a_statement_that_is_half_there_names_what_is_missing(self) -> None:
        clashes = (Clash("column a.c", None, "column a.c text"), Clash("column a.d", None, "column a.d text"))

        found = refusals.conflict(FIRST, judged(clashes=clashes))

        assert "a statement is half there, column a.c is missing" in found.message
        assert "column a.c text; column a.d text" in found.detail

    def test_without_a_clash_what_is_still_there_is_told(self) -> None:
        found = refusals.conflict(FIRST, judged(left=(LINES[0],)))

        assert "half there" in found.message
        assert LINES[0] in found.detail
