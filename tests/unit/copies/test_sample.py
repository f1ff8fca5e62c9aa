"""What is said of the rows on a copy of the structure."""

from __future__ import annotations

from pyinfra_pgmigrate.copies.sample import sampled_lines


def test_what_is_not_proved_is_said_with_the_largest_tables_first() -> None:
    summary = "whole\tpublic.a\t12\t12\n" + "".join(
        f"sampled\tpublic.t{number}\t1000\t{number * 10_000}\n" for number in range(1, 8)
    )

    rows, unproved = sampled_lines(summary, "")

    assert "all of 1 small tables, a sample of 7: public.t7 1000 of about 70000, public.t6" in rows
    assert rows.endswith("public.t3 1000 of about 30000, 2 more")
    assert "not proved: that all their rows fit" in unproved


def test_of_small_tables_alone_nothing_is_left_out() -> None:
    assert list(sampled_lines("whole\tpublic.a\t1\t1\n", "")) == ["    rows on the copy: all of 1 table"]


def test_without_rows_the_reason_is_said() -> None:
    (line,) = sampled_lines("", "psql: ERROR:  permission\ndenied for table a\n")

    assert line == (
        "    warning: no rows on the copy, so it proves nothing of them: psql: ERROR: permission denied for table a"
    )


def test_statistics_that_did_not_come_are_a_note() -> None:
    note, rows = sampled_lines("whole\tpublic.a\t1\t1\n", "", "ERROR:  permission\ndenied\n")

    assert note == "    note: without the planner's statistics on the copy: ERROR: permission denied"
    assert rows == "    rows on the copy: all of 1 table"
