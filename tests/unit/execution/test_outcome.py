"""What steps reported, as values: in the form of step_done.sql, step_verify.sql and trace.sql."""

from __future__ import annotations

from pyinfra_pgmigrate.execution.outcome import Outcome, PutBack, TracedTable, outcomes
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.registry.model import Problem

DONE = {
    "result": "done",
    "place": 1,
    "version": 2,
    "duration_ms": 12,
    "durations": [[1, 7], [2, 4]],
    "rows": 20,
    "foreign": ["+ view theirs SELECT 1"],
    "carried": ["- index theirs x"],
    "removed": ["index a x"],
    "added": ["table b", "table b"],
    "put_back": [{"object": "b", "put": 3, "left": 1, "rows": [["7", "its project is gone"]]}],
    "made": [["view theirs", "", False], ["index other", "no such column", True]],
}


# Of the step before, of this one, and of one that is as after the statement before it.
TRACES = (
    ("trace", [0, 0, [["b", None, 7, 0]]]),
    ("trace", [1, 0, [["a", None, 1, 8192]]]),
    ("trace", [1, 1, [["a", "AccessExclusiveLock", 2, 16384]]]),
    ("trace", [1, 2, None]),
)


def test_a_step_that_is_done_is_read_whole() -> None:
    (found,) = outcomes(Answer(0, (*TRACES, ("outcome", DONE))))

    assert found == Outcome(
        result="done",
        duration_ms=12,
        durations=((1, 7), (2, 4)),
        rows=20,
        foreign=("+ view theirs SELECT 1",),
        carried=("- index theirs x",),
        removed=frozenset({"index a x"}),
        added=frozenset({"table b"}),
        traces=(
            (0, (TracedTable("a", None, 1, 8192),)),
            (1, (TracedTable("a", "AccessExclusiveLock", 2, 16384),)),
        ),
        put_back=(PutBack("b", 3, 1, (("7", "its project is gone"),)),),
        made=(("view theirs", "", False), ("index other", "no such column", True)),
    )


def test_steps_are_read_in_the_order_in_which_they_ended() -> None:
    lines = (("outcome", DONE), ("table", 1), ("outcome", {"result": "busy", "detail": "run 1 of me@here"}))

    found = outcomes(Answer(0, lines))

    assert [(one.result, one.detail) for one in found] == [("done", ""), ("busy", "run 1 of me@here")]
    assert outcomes(Answer(3)) == []


def test_those_of_a_group_come_in_one_line() -> None:
    group = [{"result": "done", "place": 1, "duration_ms": 3, "added": ["table a"]}, {"result": "done", "place": 2}]
    lines = (("outcome", {"result": "done", "place": 0}), ("outcomes", group), ("outcome", {"result": "moved"}))

    found = outcomes(Answer(0, (*TRACES, *lines)))

    assert [(one.result, one.duration_ms, one.added) for one in found] == [
        ("done", 0, frozenset()),
        ("done", 3, frozenset({"table a"})),
        ("done", 0, frozenset()),
        ("moved", 0, frozenset()),
    ]
    assert [len(one.traces) for one in found] == [1, 2, 0, 0]


def test_problems_of_a_verify_query_come_with_the_step() -> None:
    told = {"result": "problems", "verified": {"count": 21, "problems": [["project 1", "no variant"]]}}

    (found,) = outcomes(Answer(0, (("outcome", told),)))

    assert found.verified is not None
    assert (found.verified.count, found.verified.holds) == (21, False)
    assert found.verified.problems == (Problem("project 1", "no variant"),)


def test_what_is_lacking_is_told_where_the_catalog_is_not_as_expected() -> None:
    (found,) = outcomes(Answer(0, (("outcome", {"result": "unexpected", "foreign": ["+ a"], "lacking": ["+ b"]}),)))

    assert (found.foreign, found.lacking, found.verified) == (("+ a",), ("+ b",), None)
