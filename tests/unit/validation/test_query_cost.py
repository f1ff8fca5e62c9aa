"""What the registry keeps of measurements, and which queries can run; how two are judged: application/test_queries."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pyinfra_pgmigrate.application.queries import Query, load_queries
from pyinfra_pgmigrate.validation.query_cost import (
    Measurement,
    Node,
    Table,
    Terms,
    compare,
    due_queries,
    lost_indexes,
    read_measured,
    to_keep,
)
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support.servers import SQL

QUERY = Query("page", "show a page", None, "SELECT 1", "SELECT $1", "c")
ONE = Measurement(
    ("1", None),
    12,
    3,
    5,
    0.25,
    (Node("Sort"), Node("Index Scan", "groups", "by_project")),
    (Table("groups", 1000, ("by_project",)),),
)


@pytest.mark.parametrize(("applied", "count"), [((), 5), ((1,), 6), (range(1, 7), 8)])
def test_a_query_is_due_once_its_migration_holds(applied: range, count: int) -> None:
    found = due_queries(load_queries(SQL, range(1, 7)), applied)

    assert len(found) == count
    assert all(one.since is None or one.since in applied for one in found)


def test_what_is_kept_is_read_again_as_it_was() -> None:
    (kept,) = to_keep([QUERY], [("page", ONE)])
    # keep_measurements.sql adds when it was and the newest migration then.
    told = {**json.loads(json.dumps(kept)), "at": "2026-01-01 00:00", "version": 6}
    line: dict[str, Any] = {
        "query": "page",
        "why": "",
        "plan": None,
        "parameters": [],
        "tables": [],
        "first": told,
        "last": None,
    }

    found = read_measured(line)

    assert kept["checksum"] == QUERY.checksum
    assert (found.first, found.last) == (replace(ONE, at="2026-01-01 00:00", version=6), None)
    # No row to draw parameters from.
    assert (found.found, found.why) == (None, "")


def test_what_could_not_be_measured_is_not_kept() -> None:
    assert to_keep([QUERY], [("page", None)]) == []


def test_rows_that_index_only_scans_looked_up_are_counted_over_the_whole_plan() -> None:
    inner = {"Node Type": "Index Only Scan", "Relation Name": "b", "Index Name": "i", "Heap Fetches": 4.0}
    plan = {
        "Node Type": "Nested Loop",
        "Actual Rows": 3.0,
        "Shared Hit Blocks": 10,
        "Shared Read Blocks": 2,
        "Plans": [{**inner, "Heap Fetches": 3.0, "Relation Name": "a"}, inner],
    }
    line = {
        "query": "page",
        "why": "",
        "plan": [{"Plan": plan, "Execution Time": 0.5}],
        "parameters": [],
        "tables": [["a", 10, [], True], ["b", 5, ["i"], False]],
        "first": None,
        "last": None,
    }

    found = read_measured(line).found

    assert found is not None
    assert (found.buffers, found.heap_fetches, found.rows) == (12, 7, 3)
    assert [(one.name, one.is_stale) for one in found.tables] == [("a", True), ("b", False)]


def test_a_plan_without_a_table_says_so() -> None:
    assert replace(ONE, plan=(Node("Result"),)).words == "no table"


def test_a_table_read_both_ways_has_lost_no_index() -> None:
    end_to_end = (Node("Seq Scan", "groups"),)
    both = (*ONE.plan, *end_to_end)

    assert lost_indexes(ONE, replace(ONE, plan=end_to_end)) == {"groups": frozenset({"by_project"})}
    assert lost_indexes(replace(ONE, plan=both), replace(ONE, plan=end_to_end)) == {}
    assert lost_indexes(ONE, ONE) == {}


def test_a_comparison_is_one_of_the_checks_of_a_database() -> None:
    (found,) = compare([QUERY], [], Terms(2.0, is_kept=True, failed={}))

    assert (found.name, found.purpose) == ("page", "show a page")
    assert found.check == Check(
        Verdict.FAIL, "query", "page", "could not be measured: no answer", "a measurement", found.hint
    )
    assert "sql/queries/page.sql" in found.hint
