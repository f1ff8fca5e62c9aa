"""How far a dump and a restore are, in one line."""

from __future__ import annotations

from typing import Any

from pyinfra_pgmigrate.backup.claim import Pace

MIB = 2**20


def session(name: str, table: str | None = None, done: int = 0, index: str | None = None) -> dict[str, Any]:
    return {"session": f"pgmigrate 01234567 {name}", "table": table, "rows": 7, "bytes": done, "index": index}


def test_all_tables_count_and_each_at_its_most() -> None:
    pace = Pace(100 * MIB)

    first = pace.line([session("dump", "a", 10 * MIB), session("dump", "b", 20 * MIB)], 5.0)
    later = pace.line([session("dump", "c", 10 * MIB)], 25.0)

    assert first == "dump: a, 7 rows, 10.0 MiB; dump: b, 7 rows, 20.0 MiB; in all 30.0 MiB of about 100.0 MiB"
    assert later == "dump: c, 7 rows, 10.0 MiB; in all 40.0 MiB of about 100.0 MiB, 2.0 MiB/s, about 30 s left"


def test_a_restore_begins_anew_and_an_index_is_no_table() -> None:
    pace = Pace(0)
    pace.line([session("dump", "a", 10 * MIB)], 5.0)

    line = pace.line([session("restore", "a", MIB), session("restore", index="building index, 7 % of blocks")], 6.0)

    assert line == "restore: a, 7 rows, 1.0 MiB; restore: index, building index, 7 % of blocks; in all 1.0 MiB"


def test_sessions_that_read_all_are_named_and_without_sessions_there_is_no_line() -> None:
    pace = Pace(0)

    assert pace.line([session("contents"), session("contents")], 1.0) == "contents"
    assert pace.line([], 2.0) == ""


def test_what_is_read_counts_against_the_backup() -> None:
    pace = Pace(900 * MIB, backup_bytes=100 * MIB)
    pace.line([], 5.0, 0)

    assert pace.line([], 25.0, 20 * MIB) == "read: 20.0 MiB of about 100.0 MiB, 1.0 MiB/s, about 1 min left"
    # The program itself, and what it is made of, are read as well.
    assert pace.line([], 105.0, 101 * MIB) == "read: 100.0 MiB, 1.0 MiB/s"
