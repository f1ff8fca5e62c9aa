"""What verify queries are asked, and how their answers are read."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.psql.answer import Answer, Unreadable
from pyinfra_pgmigrate.registry.model import Problem
from pyinfra_pgmigrate.registry.verify import verified_by, verify
from pyinfra_pgmigrate.resources import read_sql

from tests.support.captured import VERSIONS, answer
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.psql_scripts import in_transactions, is_balanced, values_of, variables

QUERIES = {one.version: one.verify for one in MIGRATIONS if one.verify is not None}


def test_each_is_asked_in_a_transaction_of_its_own_that_cannot_write() -> None:
    script = verify(RUN, "public", QUERIES).script

    assert values_of(script, "version") == [str(version) for version in QUERIES]
    assert values_of(script, "verify") == list(QUERIES.values())
    assert script.count("\nBEGIN TRANSACTION READ ONLY;\n") == script.count("\nROLLBACK;\n") == len(QUERIES)
    assert "COMMIT" not in script
    assert is_balanced(script)
    asked = [inside for line, inside in in_transactions(script) for name, _ in variables(line) if name == "verify"]
    assert asked == [True] * len(QUERIES)
    assert script.count(read_sql("registry/ask_verify").rstrip("\n")) == len(QUERIES)


def test_the_question_is_named_by_the_versions_and_shows_no_query() -> None:
    question = verify(RUN, "public", QUERIES)

    assert question.purpose == "verify queries of 002, 003, 004, 006"
    assert "SELECT" not in repr(question)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")
@pytest.mark.parametrize(("state", "problems"), [("applied-6", set()), ("verify-3", {3, 4}), ("verify-4", {4})])
def test_what_servers_answered_says_where_there_are_problems(version: int, state: str, problems: set[int]) -> None:
    # A project without its variant is a problem of 003, which makes them, and of 004, which looks for what was left.
    found = verify(RUN, "public", QUERIES).read(answer(version, state))

    assert isinstance(found, dict)
    assert set(found) == set(QUERIES)
    assert {number for number, one in found.items() if not one.holds} == problems
    for number in problems:
        assert (found[number].count, len(found[number].problems)) == (1, 1)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")
def test_a_query_whose_table_is_not_there_could_not_run(version: int) -> None:
    found = verify(RUN, "public", QUERIES).read(answer(version, "legacy"))

    assert isinstance(found, dict)
    assert (found[3].count, found[3].holds, found[3].lacks_objects) == (None, False, True)


def test_an_answer_that_did_not_end_well_is_none() -> None:
    errors = "psql:/tmp/x/script.sql:9: ERROR:  55P03: canceling statement due to lock timeout\n"
    found = verify(RUN, "public", QUERIES).read(Answer(3, answer(18, "applied-6").lines, errors))

    assert found == Unreadable(3, "55P03", "canceling statement due to lock timeout")


def test_an_answer_is_read_as_verify_sql_tells_it() -> None:
    told = verified_by({"version": 3, "count": 25, "problems": [["project 1", "no variant"]]})
    failed = verified_by({"version": 3, "sqlstate": "22012", "message": "division by zero"})

    assert (told.count, told.problems) == (25, (Problem("project 1", "no variant"),))
    assert (failed.count, failed.sqlstate, failed.message) == (None, "22012", "division by zero")
    assert not failed.lacks_objects
