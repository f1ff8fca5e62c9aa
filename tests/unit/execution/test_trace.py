"""What statements did against what was predicted and rehearsed, on the effects of the shipped migrations."""

from __future__ import annotations

from dataclasses import replace

from pyinfra_pgmigrate.execution.outcome import Outcome, TracedTable
from pyinfra_pgmigrate.execution.steps import Step, steps_of
from pyinfra_pgmigrate.execution.trace import StatementTrace, compared_lines, rehearsed_lines, traces_of
from pyinfra_pgmigrate.migrations.effect import Lock

from tests.support.plans import decision

GROUPS, ROLES = "project_equipment_groups", "project_roles"
ALL = "AccessExclusiveLock"
MIB = 1 << 20

FIRST, INDEX, *_ = steps_of(decision("legacy", 1), ends_run=True)


def table(name: str, mode: str | None = ALL, storage: int = 1, size_bytes: int = MIB) -> TracedTable:
    return TracedTable(name, mode, storage, size_bytes)


def outcome(*traces: tuple[int, tuple[TracedTable, ...]], step: Step = FIRST) -> Outcome:
    """Returns what a step reports that did what its effect says."""
    return Outcome(
        "done",
        durations=tuple((one.number, 10 * one.number) for one in step.statements),
        removed=step.patch.minus,
        added=step.patch.plus,
        traces=traces,
    )


BEFORE = (0, (table(GROUPS), table(ROLES)))


def test_a_statement_that_keeps_to_its_effect_shows_no_more_than_it() -> None:
    first, second = traces_of(FIRST, outcome(BEFORE, (1, BEFORE[1]), (2, BEFORE[1])))

    assert (first.migration, first.effect.number, first.duration_ms) == ("001_add_variant_columns", 1, 10)
    # All locks of a step are taken before its first statement: only those that a statement names are its own.
    assert (first.locks, second.locks) == ((Lock(ALL, GROUPS),), (Lock(ALL, ROLES),))
    assert (first.rewrites, first.size_bytes, first.lines, first.unpredicted) == ((), 0, 1, ())


def test_a_table_that_lies_elsewhere_afterwards_was_written_anew() -> None:
    anew = (table(GROUPS, storage=2, size_bytes=3 * MIB), table(ROLES))
    first, second = traces_of(FIRST, outcome(BEFORE, (1, anew), (2, anew)))

    assert (first.rewrites, first.size_bytes) == ((GROUPS,), 2 * MIB)
    # Against what the statement before it left.
    assert (second.rewrites, second.size_bytes) == ((), 0)


def test_a_lock_that_no_effect_names_is_not_predicted() -> None:
    more = (*BEFORE[1], table("projects", "ShareRowExclusiveLock"), table("equipment", "RowExclusiveLock"))
    first, _ = traces_of(FIRST, outcome(BEFORE, (1, more), (2, more)))

    assert first.locks is not None
    assert Lock("RowExclusiveLock", "equipment") in first.locks
    # What every writer takes is no finding.
    assert first.unpredicted == (Lock("ShareRowExclusiveLock", "projects"),)


def test_a_lock_that_another_statement_of_the_step_predicts_is_predicted() -> None:
    late = (0, ())
    first, second = traces_of(FIRST, outcome(late, (1, BEFORE[1]), (2, BEFORE[1])))

    assert first.locks == (Lock(ALL, GROUPS), Lock(ALL, ROLES))
    assert (first.unpredicted, second.unpredicted) == ((), ())


def test_a_weaker_lock_than_predicted_is_told_as_it_is() -> None:
    held = (table(GROUPS, "ShareLock"), table(ROLES, None))
    first, second = traces_of(FIRST, outcome((0, held), (1, held), (2, held)))

    assert first.locks == (Lock("ShareLock", GROUPS),)
    assert second.locks == ()


def test_a_table_that_the_step_makes_is_no_table_that_was_there() -> None:
    (step, *_) = steps_of(decision("applied-1", 2), ends_run=True)
    made = (1, (table("project_variants", size_bytes=99 * MIB),))
    found = {one.effect.number: one for one in traces_of(step, outcome((0, ()), made, step=step))}

    assert (found[1].locks, found[1].size_bytes, found[1].unpredicted) == ((), 0, ())


def test_outside_a_transaction_no_lock_is_left_to_see() -> None:
    (found,) = traces_of(
        INDEX, outcome((0, (table(GROUPS, None),)), (3, (table(GROUPS, None, size_bytes=2 * MIB),)), step=INDEX)
    )

    assert (found.locks, found.unpredicted, found.size_bytes, found.lines) == (None, (), MIB, 1)


def test_lines_that_did_not_change_are_not_counted() -> None:
    half = replace(outcome(BEFORE), added=frozenset())

    assert [one.lines for one in traces_of(FIRST, half)] == [0, 0]


def traces(*, anew: bool = False) -> list[StatementTrace]:
    after = (table(GROUPS, storage=2 if anew else 1, size_bytes=2 * MIB), table(ROLES))
    stronger = (*after, table("projects")) if anew else after
    return list(traces_of(FIRST, outcome(BEFORE, (1, stronger), (2, stronger))))


def test_a_rehearsal_is_a_line_a_statement() -> None:
    assert list(rehearsed_lines(traces(), most=5)) == [
        f"    001_add_variant_columns, statement 1: 10 ms, 1 of 1 lines changed, +1.0 MiB; {ALL} on {GROUPS}",
        f"    001_add_variant_columns, statement 2: 20 ms, 1 of 1 lines changed, +0 B; {ALL} on {ROLES}",
    ]


def test_of_many_statements_only_the_sum_and_what_was_not_predicted_is_told() -> None:
    assert list(rehearsed_lines(traces(), most=2)) == ["    2 statements in 30 ms"]

    summed, lock, rewrite = rehearsed_lines(traces(anew=True), most=2)
    assert summed == "    2 statements in 30 ms"
    assert f"{ALL} on projects is not in its effect" in lock
    assert f"rewrote every row of {GROUPS}, which its effect does not say" in rewrite


def test_a_rewrite_that_the_effect_says_is_told_as_expected() -> None:
    (first, _) = traces(anew=True)
    said = replace(first, effect=replace(first.effect, rewrites=(GROUPS,)), unpredicted=())

    assert list(rehearsed_lines([said], most=1))[1:] == [
        f"        note: 001_add_variant_columns, statement 1: rewrote every row of {GROUPS}, as its effect says"
    ]


def test_locks_outside_a_transaction_are_those_that_were_predicted() -> None:
    (found,) = traces_of(INDEX, outcome(step=INDEX))
    bare = replace(found, effect=replace(found.effect, locks=()))

    (line,) = rehearsed_lines([found], most=2)
    assert line.endswith(f"expected locks: ShareUpdateExclusiveLock on {GROUPS}")
    (line,) = rehearsed_lines([bare], most=2)
    assert line.endswith("; no table lock")
    (line,) = rehearsed_lines([replace(bare, locks=())], most=2)
    assert line.endswith("; no table lock")


def test_rehearsal_and_run_stand_together_for_what_was_in_both() -> None:
    rehearsed, run = traces(), [replace(one, duration_ms=99, size_bytes=-MIB) for one in traces()]

    lines = list(compared_lines(rehearsed[:1], run, most=5))

    assert lines == [
        "    001_add_variant_columns, statement 1: rehearsed 10 ms, 1 of 1 lines changed, +1.0 MiB",
        f"        run 99 ms, 1 of 1 lines changed, -1.0 MiB; {ALL} on {GROUPS}",
    ]


def test_what_ran_otherwise_than_predicted_is_told_even_if_it_was_not_rehearsed() -> None:
    lines = list(compared_lines([], traces(anew=True), most=5))

    assert len(lines) == 2
    assert all(" note: " in line for line in lines)


def test_of_many_statements_the_sums_stand_together() -> None:
    assert list(compared_lines(traces()[:1], traces(), most=2)) == ["    2 statements: rehearsed 10 ms, run 30 ms"]


def test_what_a_statement_left_as_it_was_is_as_after_the_one_before() -> None:
    held = (TracedTable("a", "AccessExclusiveLock", 1, 8192),)

    told = list(traces_of(FIRST, outcome(BEFORE, (1, held), (2, held))))

    assert list(traces_of(FIRST, outcome(BEFORE, (1, held)))) == told
