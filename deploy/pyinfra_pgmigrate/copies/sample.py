"""The sample of rows on a copy of the structure, as sample.sql tells of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_MOST_TABLES = 5

# The first version that takes statistics over. Source: PostgreSQL 18, "Statistics Manipulation Functions".
STATISTICS_FROM = 180000


def sampled_lines(summary: str, problem: str, unplanned: str = "") -> Iterator[str]:
    """Yields what rows a copy has and what that leaves unproved.

    + summary: a line a table: whole or sampled, its name, rows on the copy, rows of the table, between tabs
    + problem: why there are none; empty where there are
    + unplanned: why the planner's statistics did not come with them; empty where they did, or could not
    """
    if problem:
        yield f"    warning: no rows on the copy, so it proves nothing of them: {' '.join(problem.split())}"
        return
    rows = [line.split("\t") for line in summary.splitlines()]
    whole = [row for row in rows if row[0] == "whole"]
    some = sorted((row for row in rows if row[0] != "whole"), key=lambda row: int(row[3]), reverse=True)
    if unplanned:
        yield f"    note: without the planner's statistics on the copy: {' '.join(unplanned.split())}"
    if not some:
        yield f"    rows on the copy: all of {len(whole)} table{'s' if len(whole) != 1 else ''}"
        return
    named = [f"{name} {taken} of about {there}" for _, name, taken, there in some[:_MOST_TABLES]]
    more = [f"{len(some) - _MOST_TABLES} more"] if len(some) > _MOST_TABLES else []
    yield f"    rows on the copy: all of {len(whole)} small tables, a sample of {len(some)}: {', '.join(named + more)}"
    yield "    not proved: that all their rows fit, and how long statements take on them"
