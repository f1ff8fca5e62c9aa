"""Drafts of rollback scripts: their text. That they lead back is tried on servers, in tests/integration."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.rollback.drafts import plain
from pyinfra_pgmigrate.rollback.scripts import Draft


def test_what_needs_a_hand_is_no_part_of_the_header_and_stays_a_comment() -> None:
    draft = Draft("002", "004", ("002_a", "004_c"), ["one\nDROP TABLE x;"], ["DROP TABLE IF EXISTS a"], ["index b\nc"])

    assert draft.text.splitlines() == [
        "-- purpose: revert 002_a to 004_c",
        "-- reverts: 002-004",
        "",
        "-- TODO: one DROP TABLE x;",
        "",
        "DROP TABLE IF EXISTS a;",
        "",
        "-- Comes back by itself: index b c",
    ]


def test_one_with_nothing_to_do_is_a_script_all_the_same() -> None:
    assert Draft("001", "001", ("001_a", "001_a")).text.endswith("SELECT;\n")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP INDEX CONCURRENTLY a", "DROP INDEX IF EXISTS a"),
        ("REINDEX INDEX CONCURRENTLY a", "REINDEX INDEX a"),
        ("CREATE UNIQUE INDEX CONCURRENTLY a ON b (c)", "CREATE UNIQUE INDEX a ON b (c)"),
        ("CREATE INDEX a ON b (' CONCURRENTLY ')", "CREATE INDEX a ON b (' CONCURRENTLY ')"),
        ('ALTER TABLE "a b" DROP COLUMN c', 'ALTER TABLE "a b" DROP COLUMN IF EXISTS c'),
        ('ALTER DOMAIN "a ""b".c DROP CONSTRAINT d', 'ALTER DOMAIN "a ""b".c DROP CONSTRAINT IF EXISTS d'),
        ("DROP TRIGGER a ON b", "DROP TRIGGER IF EXISTS a ON b"),
        (r'DROP TABLE "a\\b"', 'DROP TABLE IF EXISTS "a\\b"'),
    ],
)
def test_a_statement_runs_in_a_transaction_and_from_whatever_part_is_there(statement: str, expected: str) -> None:
    assert plain(statement) == expected
