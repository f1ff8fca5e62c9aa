"""Whether rows and totals of a backup are still there, as checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.application.totals import Answers, Total
from pyinfra_pgmigrate.validation.data import (
    Compared,
    LeftOut,
    Rows,
    Some,
    data_checks,
    differing,
    not_compared,
    totals_checks,
    without_backup,
)
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support.migrations import NAMES
from tests.unit.validation.sources import WAS, source

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
TOTAL = Total("rates", "what projects cost", "SELECT 1, 2")

TABLE = Compared("public.projects", is_there=True, columns=("id",))
OTHER = Compared("public.roles", is_there=True, columns=("id",))
SAME = {"public.projects": WAS, "public.roles": WAS}
CHANGED = {**SAME, "public.projects": (20, "now")}
FEWER = {**SAME, "public.projects": (19, "now")}
MORE = {**SAME, "public.projects": (21, "now")}


def compared(
    found: Mapping[str, tuple[int, str]],
    rows: Rows | str = "not looked at",
    table: Compared = TABLE,
    *,
    is_quiet: bool = False,
) -> list[Check]:
    before = source("legacy", is_quiet=is_quiet)
    before = replace(before, contents=replace(before.contents, tables=SAME))
    return list(data_checks([table, OTHER], before, found, {"public.projects": rows}))


class TestRows:
    def test_what_is_the_same_is_one_check(self) -> None:
        (found,) = compared(SAME)

        assert (found.verdict, found.name) == (PASS, "data")
        assert found.object.startswith("2 tables with 40 rows as in backup stage.1")

    def test_a_table_that_differs_is_told_beside_the_others(self) -> None:
        first, rest = compared(CHANGED, Rows(("id",), changed=Some(1, ("7",))))

        assert (first.verdict, first.object) == (WARN, "public.projects")
        assert "other contents in its 20 rows" in first.found
        assert "by id: 1 changed (7)" in first.found
        assert "pg_writes=stopped" in first.hint
        assert "--data pg_backup=stage.1 --data pg_table=public.projects" in first.hint
        assert rest.object.startswith("1 other tables with 20 rows")

    def test_while_nobody_writes_a_difference_is_a_failure(self) -> None:
        first, _ = compared(FEWER, Rows(("id",), deleted=Some(1, ("7",))), is_quiet=True)

        assert first.verdict is FAIL
        assert "19 rows, 20 then" in first.found
        assert "pg_writes=stopped" in first.expected
        assert "validate.py" not in first.hint

    @pytest.mark.parametrize(
        ("found", "rows", "verdict"),
        [
            (MORE, Rows(("id",), inserted=Some(1, ("8",))), WARN),
            (CHANGED, Rows(("id",), changed=Some(1, ("8",))), WARN),
            # A migration that writes takes no row away.
            (CHANGED, Rows(("id",), inserted=Some(1, ("8",)), deleted=Some(1, ("7",))), FAIL),
            (FEWER, "not named", FAIL),
            (MORE, "not named", WARN),
        ],
    )
    def test_what_a_migration_writes_itself_is_no_failure_but_lost_rows_are(
        self, found: dict[str, tuple[int, str]], rows: Rows | str, verdict: Verdict
    ) -> None:
        first, _ = compared(found, rows, replace(TABLE, written_by=(NAMES[2],)), is_quiet=True)

        assert first.verdict is verdict
        assert f"{NAMES[2]} writes to it itself" in first.found

    def test_a_difference_that_is_gone_on_a_second_look_is_none(self) -> None:
        (found,) = compared(CHANGED, Rows(("id",)))

        assert found.verdict is PASS
        assert found.object.startswith("2 tables")

    def test_hashes_that_differ_while_nobody_writes_and_no_row_does_are_a_failure(self) -> None:
        first, _ = compared(CHANGED, Rows(("id",)), is_quiet=True)

        assert first.verdict is FAIL
        assert "none differs now" in first.found

    def test_a_column_that_a_migration_changed_cannot_be_compared(self) -> None:
        left = replace(TABLE, left_out=(LeftOut("n", NAMES[0]),))

        assert [one.verdict for one in compared(SAME, Rows(("id",)), left, is_quiet=True)] == [PASS]
        first, _ = compared(SAME, "not looked at", left)
        assert first.verdict is WARN
        assert "20 rows as then; their contents could not be compared" in first.found
        assert f"n is left out: changed by {NAMES[0]}" in first.found

    def test_a_column_that_other_hands_changed_fails_always(self) -> None:
        first, _ = compared(SAME, Rows(("id",)), replace(TABLE, left_out=(LeftOut("n", ""),)))

        assert first.verdict is FAIL
        assert "changed outside of the migrations" in first.found

    def test_a_table_that_is_missing_fails_unless_a_migration_took_it(self) -> None:
        gone = replace(TABLE, is_there=False)

        first, _ = compared(SAME, table=gone)
        assert (first.verdict, first.object) == (FAIL, "public.projects")
        assert "missing" in first.found
        assert "20 rows" in first.expected
        assert "pg_table=public.projects" in first.hint
        first, _ = compared(SAME, table=replace(gone, taken_by=NAMES[0]))
        assert (first.verdict, first.object) == (PASS, f"public.projects, taken away by {NAMES[0]}")

    def test_a_table_of_which_nothing_was_counted_is_a_suspect(self) -> None:
        before = replace(source("legacy"), contents=replace(source("legacy").contents, tables=SAME))

        assert differing([TABLE, OTHER], before, {"public.roles": WAS}) == [TABLE]
        assert differing([TABLE, OTHER], before, SAME) == []
        assert differing([replace(TABLE, is_there=False)], before, {}) == []
        assert differing([replace(TABLE, left_out=(LeftOut("n", ""),))], before, SAME)

    def test_a_backup_without_tables_is_whole(self) -> None:
        before = replace(source("legacy"), contents=replace(source("legacy").contents, tables={}))

        (found,) = data_checks([], before, {}, {})
        assert (found.verdict, found.object.split(" as ")[0]) == (PASS, "0 tables with 0 rows")


class TestWords:
    def test_rows_are_told_by_kind_with_the_first_keys(self) -> None:
        rows = Rows(("id",), inserted=Some(2, ("1", "2")), deleted=Some(6, ("3", "4", "5")))

        assert str(rows) == "by id: 2 inserted (1, 2), 6 deleted (3, 4, 5, ...)"
        assert rows

    def test_without_a_key_no_row_is_named(self) -> None:
        assert str(Rows(inserted=Some(2))) == "no primary key to name rows by: 2 inserted"
        assert str(Rows(("a", "b"))) == "by a, b: none differs now"
        assert not Rows(("a", "b"))


class TestTotals:
    def verdict(self, before: Answers | None, after: Answers | None, *, is_quiet: bool = False) -> Check:
        found = source("legacy", is_quiet=is_quiet)
        totals = {} if before is None else {"rates": before}
        whole = replace(found, contents=replace(found.contents, totals=totals))
        (check,) = totals_checks([TOTAL], whole, {} if after is None else {"rates": after})
        return check

    def test_what_is_the_same_passes(self) -> None:
        found = self.verdict(Answers(3, "a"), Answers(3, "a"))

        assert (found.verdict, found.name) == (PASS, "totals")
        assert found.object.startswith("rates, 3 keys")

    @pytest.mark.parametrize(("is_quiet", "verdict"), [(False, WARN), (True, FAIL)])
    def test_what_differs_names_keys_and_fails_while_nobody_writes(self, is_quiet: bool, verdict: Verdict) -> None:
        found = self.verdict(Answers(1, "a", {"p1": "5"}), Answers(1, "b", {"p1": "6"}), is_quiet=is_quiet)

        assert found.verdict is verdict
        assert "p1: 5 before, 6 after" in found.found
        assert "what projects cost" in found.expected

    @pytest.mark.parametrize(
        ("before", "after", "why"),
        [
            (Answers(1, "a"), None, "not asked"),
            (Answers(1, "a"), Answers(problem="no column"), "no column"),
            (Answers(problem="no table"), Answers(1, "a"), "then: no table"),
            (Answers(problem="no table"), None, "then: no table"),
        ],
    )
    def test_what_could_not_be_asked_fails(self, before: Answers, after: Answers | None, why: str) -> None:
        found = self.verdict(before, after)

        assert (found.verdict, found.found) == (FAIL, why)
        assert "totals/rates.sql" in found.hint

    def test_a_total_that_is_younger_than_the_backup_is_a_warning(self) -> None:
        assert self.verdict(None, Answers(1, "a")).verdict is WARN

    def test_a_source_answers_what_it_could_be_asked(self) -> None:
        found = source("legacy")
        whole = replace(
            found, contents=replace(found.contents, totals={"rates": Answers(1, "a"), "x": Answers(problem="no table")})
        )

        assert whole.answers(TOTAL)
        assert not whole.answers(replace(TOTAL, name="x"))
        assert not whole.answers(replace(TOTAL, name="y"))


class TestNothingToCompare:
    @pytest.mark.parametrize(("totals", "names"), [([], ["data"]), ([TOTAL], ["data", "totals"])])
    def test_without_a_backup_there_is_a_warning_and_a_comparison_that_failed_is_a_failure(
        self, totals: list[Total], names: list[str]
    ) -> None:
        bare, failed = (
            list(without_backup(totals, has_point=False)),
            list(not_compared(totals, "backup x", "it is gone", "do this")),
        )

        assert [one.name for one in bare] == [one.name for one in failed] == names
        assert {one.verdict for one in bare} == {WARN}
        assert "pg_backup=LABEL" in bare[0].hint
        assert {(one.verdict, one.object, one.found, one.hint) for one in failed} == {
            (FAIL, "backup x", "it is gone", "do this")
        }
