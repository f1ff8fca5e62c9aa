"""What the application does at each moment of a rehearsal, as values and lines."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.application.compatibility import Use
from pyinfra_pgmigrate.rehearsal.moments import Held, Moment, Works, broken, table_lines, table_of

USES = (Use("add", "add one", "", None, ("SELECT 1",)), Use("upsert", "add or change", "", 2, ("SELECT 1",)))
FINE = {"add": "", "upsert": ""}


def moments(*answers: dict[str, str]) -> list[Moment]:
    return [Moment(f"00{n}_x" if n else "", (n,) if n else (), one) for n, one in enumerate(answers)]


def test_one_line_says_that_all_works() -> None:
    table = table_of(USES, moments(FINE, FINE, {"add": "", "upsert": "no rule"}), ())

    assert broken(table) is None
    assert table.rows[1].states == (Works.WORKS, Works.WORKS, Works.NO_MORE)
    assert list(table_lines(table)) == [
        "application compatibility: 2 of 2 checks pass before and after each of 2 migrations, upsert until 002"
    ]


def test_what_is_over_before_is_over_all_the_time() -> None:
    table = table_of(USES, moments({"add": "", "upsert": "no rule"}, {"add": "", "upsert": "no rule"}), {1, 2})

    assert broken(table) is None
    assert list(table_lines(table)) == [
        "application compatibility: 2 of 2 checks pass before and after, upsert no more"
    ]


def test_the_first_that_fails_is_named_and_the_table_shown() -> None:
    table = table_of(USES, moments(FINE, {"add": "", "upsert": "too early"}, {"add": "gone", "upsert": ""}), ())

    refusal = broken(table)

    assert refusal is not None
    assert 'compatibility/upsert.sql worked before and fails after migration "001_x"' in refusal.message
    assert "too early" in refusal.detail
    assert [line.split() for line in table_lines(table)] == [
        ["before", "001", "002"],
        ["add", "works", "works", "fails"],
        ["upsert", "works", "fails", "works"],
    ]


def test_what_failed_before_refuses_nothing() -> None:
    table = table_of(USES, moments({"add": "never", "upsert": ""}, {"add": "never", "upsert": ""}), ())

    assert broken(table) is None
    assert next(table_lines(table)) == "note: compatibility/add.sql already failed before the migrations: never"


def test_what_nobody_could_try_fails() -> None:
    table = table_of(USES, [*moments(FINE), Moment("001_x", (1,), None)], ())

    assert table.rows[0].states == (Works.WORKS, Works.FAILS)


def test_a_session_that_did_not_answer_is_told() -> None:
    held = (Held("add", 0, "00000", "", "00000", "00000"), Held("add", 1, "0A000", "cached plan", "0A000", "00000"))

    lines = list(table_lines(table_of(USES, moments(FINE, FINE), (), held, "it did not end in time")))

    assert "fails after 001_x: cached plan (SQLSTATE 0A000); it fails again, and works once" in lines[1]
    assert lines[2].endswith("did not answer to the end: it did not end in time")


def test_nothing_is_told_where_nothing_is_tried() -> None:
    assert list(table_lines(table_of((), moments({}, {}), ()))) == []


def test_a_use_that_nobody_answered_for_was_not_tried() -> None:
    table = table_of(USES, moments(FINE, {"add": ""}), ())

    assert table.rows[1].reasons == ("", "not tried")
    assert broken(table) is not None


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (Held("add", 1, "0A000", "cached plan", "0A000", "00000"),
         "it fails again, and works once it is prepared again. Let sessions"),
        (Held("add", 1, "0A000", "cached plan", "00000", "00000"),
         "it works the second time, and works once it is prepared again. Let sessions"),
        (Held("add", 1, "42703", "no column", "42703", "42703"), "it fails again, and fails prepared again, too (42703)."),
        (Held("add", 1, "42P01", "no table", "42P01", ""), "it fails again, and cannot be prepared again."),
        (Held("add", 0, "42P01", "no table", "42P01", ""), "held open, fails after nothing: no table"),
    ],
)  # fmt: skip
def test_a_prepared_statement_that_fails_is_told_with_what_helps(held: Held, told: str) -> None:
    lines = list(table_lines(table_of(USES, moments(FINE, FINE), (), [held])))

    assert lines[0].startswith("application compatibility: 2 of 2")
    assert told in lines[1]
    assert ("Let sessions" in lines[1]) is (held.reprepared == "00000")
    assert len(lines) == 2


def test_what_ended_with_a_migration_refuses_nothing() -> None:
    gone = {"add": "", "upsert": "no rule"}
    table = table_of(USES, moments(FINE, FINE, gone), ())

    assert broken(table) is None
    assert next(table_lines(table)).endswith("each of 2 migrations, upsert until 002")
