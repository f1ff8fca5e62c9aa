"""The scripts that measure queries and keep what they cost, and how answers are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyinfra_pgmigrate.application.queries import load_queries
from pyinfra_pgmigrate.psql.answer import Answer, Unreadable
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.validation.measure import keep_measurements, measure

from tests.support.contents import RUN
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of
from tests.support.servers import SQL

QUERIES = load_queries(SQL, range(1, 7))


def part(name: str) -> str:
    return read_sql(name).rstrip("\n")


class TestMeasure:
    def test_each_query_is_run_twice_in_a_transaction_that_cannot_write(self) -> None:
        script = measure(QUERIES, RUN, "public", timeout_s=2.5).script

        for name, times in (("measure", 1), ("measure_run", 2), ("measure_done", 1)):
            assert script.count(part(f"validation/{name}")) == times * len(QUERIES)
        assert script.count("BEGIN TRANSACTION READ ONLY;") == len(QUERIES)
        assert "COMMIT" not in script
        assert is_balanced(script)
        *_, (_, inside) = in_transactions(script)
        assert not inside

    def test_each_has_its_own_text_parameters_and_time(self) -> None:
        script = measure(QUERIES, RUN, "public", timeout_s=2.5).script

        assert values_of(script, "query") == [one.name for one in QUERIES]
        assert values_of(script, "statement") == [one.text for one in QUERIES]
        assert values_of(script, "drawing") == [one.drawing for one in QUERIES]
        assert values_of(script, "checksum") == [one.checksum for one in QUERIES]
        assert set(values_of(script, "timeout_ms")) == {"2500"}

    @pytest.mark.parametrize(("timeout_s", "timeout_ms"), [(0.0001, "1"), (0.0016, "2"), (60, "60000")])
    def test_a_short_time_is_never_no_limit(self, timeout_s: float, timeout_ms: str) -> None:
        # statement_timeout = 0 means that there is none.
        assert value_of(measure(QUERIES[:1], RUN, "public", timeout_s=timeout_s).script, "timeout_ms") == timeout_ms

    def test_answers_come_in_the_order_of_the_queries(self) -> None:
        line: dict[str, Any] = {
            "why": "too long",
            "parameters": [],
            "plan": None,
            "tables": [],
            "first": None,
            "last": None,
        }
        answer = Answer(0, (("measured", {**line, "query": "b"}), ("measured", {**line, "query": "a"})))

        found = measure(QUERIES, RUN, "public", timeout_s=1).read(answer)

        assert isinstance(found, list)
        assert [(one.query, one.found, one.why) for one in found] == [("b", None, "too long"), ("a", None, "too long")]

    def test_a_script_that_failed_says_why(self) -> None:
        errors = "psql:/tmp/x/script.sql:9: ERROR:  42501: permission denied for schema pgmigrate\n"
        question = measure(QUERIES, RUN, "public", timeout_s=1)

        assert question.read(Answer(3, (), errors)) == Unreadable(3, "42501", "permission denied for schema pgmigrate")
        assert question.read(Answer(None)) == Unreadable(None, "", "no answer")
        assert question.purpose == f"cost of {len(QUERIES)} queries"


ROWS = [{"query": "it's", "parameters": ("1", None), "buffers": 5}]


class TestKeep:
    @pytest.mark.parametrize(("moment", "ends_run", "flag"), [("before", False, "false"), ("after", True, "true")])
    def test_they_are_written_under_the_run_lock(self, moment: str, ends_run: bool, flag: str) -> None:
        script = keep_measurements(ROWS, RUN, "public", moment=moment, ends_run=ends_run)

        assert json.loads(value_of(script, "measurements")) == [
            {"query": "it's", "parameters": ["1", None], "buffers": 5}
        ]
        assert (value_of(script, "moment"), value_of(script, "ends_run")) == (moment, flag)
        places = [
            script.index(part(name)) for name in ("registry/claim", "registry/lease", "validation/keep_measurements")
        ]
        assert places == sorted(places)
        assert is_balanced(script)
