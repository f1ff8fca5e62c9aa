"""What another tool's table says of the migrations that were imported from it."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.importing.ledgers import Imported, Ledger, Stated, ledgers_in, stated_by


def imported(tool: str, *keys: str) -> list[Imported]:
    return [Imported(number, f"{number:03}_a", tool, key) for number, key in enumerate(keys, start=1)]


def done(*keys: str) -> tuple[tuple[str, bool, bool], ...]:
    return tuple((key, True, False) for key in keys)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (done("1", "2"), Stated("t", 2)),
        (done("1", "2", "3", "99"), Stated("t", 3)),
        # Of a failed migration and of a gap nobody knows what was done.
        ((*done("1"), ("2", False, False)), Stated("t", 1, "002_a")),
        (done("1", "3"), Stated("t", 3, "002_a")),
        ((("2", True, True),), Stated("t", 2)),
        ((("2", False, True),), Stated("t", 0, "002_a")),
    ],
)
def test_all_up_to_one_were_applied_or_nobody_knows(rows: tuple[tuple[str, bool, bool], ...], expected: Stated) -> None:
    assert stated_by([Ledger("Flyway", "t", rows)], imported("Flyway", "1", "2", "3")) == expected


def test_zeros_before_a_number_say_nothing() -> None:
    found = stated_by([Ledger("Diesel", "t", done("00000000000000", "20240101"))], imported("Diesel", "0", "20240101"))

    assert found == Stated("t", 2)


def test_a_change_that_was_made_anew_counts_twice() -> None:
    changes = imported("Sqitch", "users", "orders", "users")

    once = stated_by([Ledger("Sqitch", "t", done("users", "orders"))], changes)
    twice = stated_by([Ledger("Sqitch", "t", done("users", "orders", "users"))], changes)

    assert (once, twice) == (Stated("t", 2), Stated("t", 3))


@pytest.mark.parametrize(
    ("origin", "tool", "is_taken"),
    [
        ("numbered", "sqlx", True),
        ("numbered", "Supabase", True),
        ("numbered", "Flyway", False),
        ("golang-migrate", "sqlx", True),
        ("dbmate", "golang-migrate", False),
    ],
)
def test_a_table_of_another_tool_says_nothing(origin: str, tool: str, is_taken: bool) -> None:
    found = stated_by([Ledger(tool, "t", done("1"))], imported(origin, "1"))

    assert (found is not None) is is_taken


def test_nothing_is_taken_from_a_table_that_knows_none_of_them_nor_after_a_rollback() -> None:
    assert stated_by([Ledger("Flyway", "t", done("7"))], imported("Flyway", "1")) is None
    assert stated_by([], imported("Flyway", "1")) is None
    answer = {"ledgers": [{"tool": "Flyway", "table": "t", "rows": [["1", True, False]]}], "has_reverted": False}
    assert ledgers_in(answer) == (Ledger("Flyway", "t", done("1")),)
    assert ledgers_in({**answer, "has_reverted": True}) == ledgers_in(None) == ()
