"""What a statement drops by its name."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.sqltext.dropped import dropped_columns, dropped_tables
from pyinfra_pgmigrate.sqltext.parser import split


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
