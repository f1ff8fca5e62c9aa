"""The files of sql/queries, and what to make of two measurements."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pyinfra_pgmigrate.application.queries import Query, load_queries
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.validation.query_cost import (
    FEW_BUFFERS,
    Comparison,
    Measured,
    Measurement,
    Node,
    Table,
    Terms,
    compare,
    read_measured,
)
from pyinfra_pgmigrate.validation.verdict import Verdict

from tests.support.servers import ROOT, SQL

VERSIONS = range(1, 7)


class TestFiles:
    def write(self, folder: Path, text: str) -> Path:
        (folder / "queries").mkdir()
        (folder / "queries" / "one.sql").write_text(text)
        return folder

    def test_the_shipped_ones_are_three_of_the_new_application_and_five_of_the_old(self) -> None:
        found = load_queries(SQL, VERSIONS)

        assert [query.name for query in found if query.since is not None] == [
            "variant_bulk",
            "variant_fallback",
            "variant_groups",
        ]
        assert len(found) == 8
        assert all(query.purpose and query.drawing for query in found)

    def test_parameters_are_drawn_by_the_first_of_two_statements(self, tmp_path: Path) -> None:
        text = "-- purpose: p\n-- since: 002\n\nSELECT min(id) FROM t;\n\n-- it\nSELECT n FROM t WHERE id = $1;\n"

        (query,) = load_queries(self.write(tmp_path, text), VERSIONS)

        assert (query.name, query.since, query.drawing, query.text) == (
            "one",
            2,
            "SELECT min(id) FROM t",
            "SELECT n FROM t WHERE id = $1",
        )

    def test_a_query_without_parameters_is_one_statement_and_says_where_it_is(self, tmp_path: Path) -> None:
        text = "-- purpose: p\n-- requires: table t\n\nSELECT n FROM t;\n"

        (query,) = load_queries(self.write(tmp_path, text), VERSIONS)

        assert (query.drawing, query.text, query.since, query.path) == ("", "SELECT n FROM t", None, "queries/one.sql")
        assert [str(one) for one in query.requires] == ["table t"]

    def test_a_comment_is_no_other_text_and_another_parameter_is(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path, "-- purpose: p\n\nSELECT 1;\nSELECT $1;\n")
        (first,) = load_queries(folder, VERSIONS)
        (folder / "queries" / "one.sql").write_text("-- purpose: other\n\nSELECT   1; -- so\nSELECT $1;\n")
        (second,) = load_queries(folder, VERSIONS)
        (folder / "queries" / "one.sql").write_text("-- purpose: other\n\nSELECT 2;\nSELECT $1;\n")
        (third,) = load_queries(folder, VERSIONS)

        assert first.checksum == second.checksum != third.checksum

    def test_the_example_in_the_guide_is_a_shipped_one(self, tmp_path: Path) -> None:
        guide = (ROOT / "docs" / "guides" / "validation.md").read_text()
        text = re.findall(r"```sql\n(-- purpose.*?)```", guide, re.DOTALL)[0]

        (example,) = load_queries(self.write(tmp_path, text), VERSIONS)

        shipped = [(one.purpose, one.since, one.checksum) for one in load_queries(SQL, VERSIONS)]
        assert (example.purpose, example.since, example.checksum) in shipped

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("SELECT 1;", "Found no purpose"),
            ("-- purpose: p\n-- until: 002\n\nSELECT 1;", 'Found the key "until"'),
            ("-- purpose: p\n-- since: 099\n\nSELECT 1;", 'Found since "099"'),
            ("-- purpose: p\n-- since: soon\n\nSELECT 1;", 'Found since "soon"'),
            ("-- purpose: p\n", "Found 0 statements"),
            ("-- purpose: p\n\nSELECT 1; SELECT 2; SELECT 3;", "Found 3 statements"),
            ("-- purpose: p\n\nUPDATE t SET a = 1;", 'Found "UPDATE t SET a = 1"'),
            ("-- purpose: p\n\nDELETE FROM t RETURNING id; SELECT $1;", 'Found "DELETE FROM t RETURNING id"'),
            ("-- purpose: p\n\nWITH u AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM u;", "Found UPDATE in"),
            ("-- purpose: p\n\nSELECT a FROM t FOR UPDATE;", "Found FOR UPDATE or FOR SHARE in"),
            ("-- purpose: p\n\nSELECT a INTO b FROM t;", "Found INTO in"),
            ("-- purpose: p\n\nEXPLAIN ANALYZE DELETE FROM t;", 'Found "EXPLAIN ANALYZE DELETE FROM t"'),
        ],
    )  # fmt: skip
    def test_one_that_breaks_a_rule_is_refused_by_name(self, tmp_path: Path, text: str, found: str) -> None:
        with pytest.raises(PgMigrateError) as refused:
            load_queries(self.write(tmp_path, text), VERSIONS)

        assert "one.sql" in str(refused.value)
        assert found in refused.value.refusal.detail


QUERY = Query("page", "show a page", None, "SELECT 1", "SELECT $1", "c")
BY_INDEX = (Node("Sort"), Node("Index Scan", "groups", "by_project"))
BY_OTHER = (Node("Sort"), Node("Index Only Scan", "groups", "by_variant"))
FROM_END_TO_END = (Node("Sort"), Node("Seq Scan", "groups"))


def measured(
    buffers: int,
    plan: tuple[Node, ...] = BY_INDEX,
    *,
    rows: int = 5,
    pages: int = 1000,
    indexes: tuple[str, ...] = ("by_project",),
    heap_fetches: int = 0,
) -> Measurement:
    return Measurement(("1",), buffers, heap_fetches, rows, 0.5, plan, (Table("groups", pages, indexes),))


def compared(
    before: Measurement | None,
    after: Measurement | None,
    *,
    why: str = "",
    factor: float = 2.0,
    is_kept: bool = False,
    failed: str = "",
    last: Measurement | None = None,
) -> Comparison:
    terms = Terms(factor, is_kept=is_kept, failed={QUERY.name: failed} if failed else {})
    (found,) = compare([QUERY], [Measured(QUERY.name, after, why, before, last or before)], terms)
    return found


class TestComparison:
    @pytest.mark.parametrize(
        ("before", "after", "verdict"),
        [
            # The factor, and its floor.
            (measured(100), measured(200), Verdict.PASS),
            (measured(100), measured(201), Verdict.FAIL),
            (measured(3), measured(7), Verdict.PASS),
            (measured(3), measured(3 + FEW_BUFFERS), Verdict.PASS),
            (measured(3), measured(4 + FEW_BUFFERS), Verdict.FAIL),
            # One index for another.
            (measured(100), measured(110, BY_OTHER, indexes=("by_variant",)), Verdict.PASS),
            (measured(100), measured(300, BY_OTHER, indexes=("by_variant",)), Verdict.FAIL),
            # An index that is gone, on a large table and on a small one.
            (measured(100), measured(110, FROM_END_TO_END, indexes=()), Verdict.FAIL),
            (measured(100), measured(90, FROM_END_TO_END, indexes=()), Verdict.WARN),
            (measured(3), measured(40, FROM_END_TO_END, pages=40, indexes=()), Verdict.WARN),
            # The index is there, and the planner does without.
            (measured(100), measured(110, FROM_END_TO_END), Verdict.PASS),
            (measured(100), measured(1000, FROM_END_TO_END), Verdict.FAIL),
            # More data.
            (measured(100), measured(500, rows=25), Verdict.WARN),
            (measured(100), measured(500, pages=5000), Verdict.WARN),
            (measured(100), measured(5000, FROM_END_TO_END, pages=5000, indexes=()), Verdict.FAIL),
            # Rows that no VACUUM has seen.
            (measured(100, BY_OTHER), measured(500, BY_OTHER, heap_fetches=400), Verdict.WARN),
            (measured(100, BY_OTHER, heap_fetches=90), measured(500, BY_OTHER, heap_fetches=90), Verdict.FAIL),
            # The rows that the parameters found are not there any more.
            (measured(100), measured(2, rows=0), Verdict.WARN),
            (measured(100, rows=0), measured(100, rows=0), Verdict.PASS),
        ],
    )
    def test_of_two_measurements_is_as_documented(
        self, before: Measurement, after: Measurement, verdict: Verdict
    ) -> None:
        found = compared(before, after)

        assert found.verdict is verdict, found.reason
        assert f"{before.buffers} buffers" in found.reason
        assert f"{after.buffers} buffers" in found.reason
        assert bool(found.hint) == bool(found.expected) == (verdict is not Verdict.PASS)

    def test_says_where_the_planner_had_no_statistics(self) -> None:
        now = measured(1000, FROM_END_TO_END)
        stale = replace(now, tables=tuple(replace(one, is_stale=True) for one in now.tables))

        found = compared(measured(100), stale)

        assert (found.verdict, found.hint) == (Verdict.WARN, "ANALYZE groups; then: deploy/validate.py")
        assert "planned without statistics of groups" in found.reason

    def test_names_both_plans_when_it_fails(self) -> None:
        found = compared(measured(3), measured(1000, FROM_END_TO_END, indexes=()))

        assert "Index Scan by_project on groups -> Seq Scan on groups" in found.reason
        assert found.expected == "an index in place of by_project on groups"

    def test_takes_the_factor_of_the_settings(self) -> None:
        assert compared(measured(100), measured(350), factor=4).verdict is Verdict.PASS

    def test_is_also_with_the_last_from_before_a_run(self) -> None:
        first = measured(1, FROM_END_TO_END, rows=1, pages=1)
        last = replace(measured(3), at="2026-11-22 20:14", version=6)
        now = measured(1000, FROM_END_TO_END, indexes=())

        found = compared(first, now, last=last)

        assert compared(first, now).verdict is Verdict.WARN
        assert found.verdict is Verdict.FAIL
        assert found.before == last
        assert "3 buffers (0.50 ms) before the migrations of 2026-11-22 20:14, 1000 buffers" in found.reason

    def test_with_the_first_one_stays_whatever_the_last_says(self) -> None:
        found = compared(measured(100), measured(300), last=measured(300))

        assert (found.verdict, found.before) == (Verdict.FAIL, measured(100))

    @pytest.mark.parametrize(
        ("found", "verdict", "reason"),
        [
            (compared(measured(3), None, why="it took too long"), Verdict.FAIL, "could not be measured: it took too"),
            (compared(None, None), Verdict.WARN, "no row to draw its parameters from"),
            (compared(None, measured(3)), Verdict.WARN, "nothing to compare with"),
            (compared(None, measured(3), is_kept=True), Verdict.PASS, "measured for the first time"),
            (compared(None, measured(3), is_kept=True, failed="too long"), Verdict.FAIL, "before the migrations: too"),
        ],
    )
    def test_without_two_measurements_says_why(self, found: Comparison, verdict: Verdict, reason: str) -> None:
        assert found.verdict is verdict
        assert reason in found.reason

    def test_about_which_nothing_came_back_fails(self) -> None:
        (found,) = compare([QUERY], [], Terms(2.0, is_kept=True, failed={}))

        assert found.verdict is Verdict.FAIL


def test_a_bitmap_scan_reaches_the_table_of_the_heap_scan_above_it() -> None:
    # As PostgreSQL 18 explains a bitmap scan with two indexes, cut to what is read.
    bitmap = {"Node Type": "BitmapAnd", "Plans": [
        {"Node Type": "Bitmap Index Scan", "Index Name": "by_project"},
        {"Node Type": "Bitmap Index Scan", "Index Name": "by_name"},
    ]}  # fmt: skip
    plan = {
        "Node Type": "Bitmap Heap Scan",
        "Relation Name": "groups",
        "Actual Rows": 2.00,
        "Shared Hit Blocks": 4,
        "Shared Read Blocks": 1,
        "Plans": [bitmap],
    }
    line = {
        "query": "page",
        "why": "",
        "parameters": ["1", None],
        "plan": [{"Plan": plan, "Execution Time": 0.031}],
        "tables": [["groups", 100, ["by_name", "by_project"]]],
        "first": None,
        "last": None,
    }

    found = read_measured(line).found

    assert found is not None
    assert (found.buffers, found.rows, found.parameters) == (5, 2, ("1", None))
    assert found.words == "Bitmap Index Scan by_project on groups, Bitmap Index Scan by_name on groups"
    assert found.indexed == {"groups": ("by_project", "by_name")}
