"""What a statement names: what it drops, what it restarts."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.sqltext.parser import split
from pyinfra_pgmigrate.sqltext.targets import dropped_columns, dropped_tables, restarted_sequences


@pytest.mark.parametrize(
    ("text", "tables", "columns"),
    [
        ('DROP TABLE IF EXISTS a, s."B c" CASCADE', [("", "a"), ("s", "B c")], []),
        ("DROP VIEW a", [], []),
        ("DROP FOREIGN TABLE a", [], []),
        ('ALTER TABLE IF EXISTS ONLY x.t DROP c, ADD d int, DROP COLUMN IF EXISTS "E"', [], [("x", "t", "c"), ("x", "t", "E")]),
        ("ALTER TABLE t DROP CONSTRAINT c", [], []),
        ("ALTER VIEW t ALTER COLUMN c DROP DEFAULT", [], []),
        ("DELETE FROM a", [], []),
    ],
)  # fmt: skip
def test_tables_and_columns(text: str, tables: list[object], columns: list[object]) -> None:
    (statement,) = split(text)

    assert list(dropped_tables(statement)) == tables
    assert list(dropped_columns(statement)) == columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALTER SEQUENCE IF EXISTS x.s INCREMENT 2 RESTART WITH 5", [("x", "s", "")]),
        ("ALTER SEQUENCE s INCREMENT 2", []),
        ("ALTER TABLE t ALTER c SET START 3 RESTART, ALTER d SET INCREMENT 2", [("", "t", "c")]),
        ("TRUNCATE a, x.b RESTART IDENTITY", [("", "a", ""), ("x", "b", "")]),
        ("TRUNCATE a", []),
        ("SELECT 1", []),
    ],
)
def test_sequences_that_restart(text: str, expected: list[object]) -> None:
    assert list(restarted_sequences(split(text)[0])) == expected
