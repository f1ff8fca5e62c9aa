"""How a migration is cut into steps: plans of captured states go in, no server."""

from __future__ import annotations

from dataclasses import replace

from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.execution.failed import AT_END, failed_at, place_of
from pyinfra_pgmigrate.execution.steps import Step, in_a_row, steps_of
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, StatementEffect
from pyinfra_pgmigrate.planning.decision import Action
from pyinfra_pgmigrate.rollback.script import step_back
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support import plans
from tests.support.migrations import MIGRATIONS
from tests.support.plans import decision

FIRST, SECOND, THIRD = MIGRATIONS[:3]


class TestSteps:
    def test_statements_share_a_transaction_as_far_as_postgresql_lets_them(self) -> None:
        # CREATE INDEX CONCURRENTLY cannot run inside a transaction block.
        steps = steps_of(decision("legacy", 1), ends_run=True)

        assert [[one.number for one in step.statements] for step in steps] == [[1, 2], [3], [4], [5], []]
        assert [step.in_transaction for step in steps] == [True, False, False, False, True]

    def test_only_the_last_registers_the_migration_and_ends_the_run(self) -> None:
        steps = steps_of(decision("legacy", 1), ends_run=True)

        assert [step.is_last for step in steps] == [False] * 4 + [True]
        assert [step.ends_run for step in steps] == [False] * 4 + [True]
        assert not any(step.ends_run for step in steps_of(decision("legacy", 1), ends_run=False))

    def test_only_one_that_runs_all_of_its_migration_is_all_of_it(self) -> None:
        steps = [step for number in range(1, 7) for step in steps_of(decision("legacy", number), ends_run=False)]
        resumed = steps_of(decision("interrupted-1-4", 1), ends_run=False)

        whole = [step for step in steps if step.is_whole]

        assert whole
        assert all(step.statements == step.migration.statements and step.is_last for step in whole)
        assert len(whole) < len(steps)
        assert not any(step.is_whole for step in resumed)

    def test_each_finds_what_those_before_it_left(self) -> None:
        found = decision("legacy", 1)
        steps = steps_of(found, ends_run=True)

        present, absent = found.present, found.absent
        for step in steps:
            assert (step.present, step.absent) == (present, absent)
            assert step.patch.plus <= absent
            present, absent = present | step.patch.plus, absent - step.patch.plus
        assert steps[-1].absent == frozenset()
        assert FIRST.effect is not None
        assert steps[-1].present == FIRST.effect.patch.plus

    def test_what_a_migration_takes_away_is_present_before_and_absent_after(self) -> None:
        (step,) = steps_of(decision("applied-5", 6), ends_run=True)

        assert step.patch.minus
        assert step.patch.minus <= step.present
        assert not step.patch.minus & step.absent

    def test_a_statement_in_batches_has_transactions_of_its_own(self) -> None:
        one, last = steps_of(decision("applied-2", 3), ends_run=True)

        assert (one.in_batches, one.in_transaction, one.is_last) == (True, False, False)
        assert (last.in_batches, last.in_transaction, last.is_last) == (False, True, True)

    def test_what_is_in_place_is_one_step_without_statements(self) -> None:
        (step,) = steps_of(decision("hand-6", 2), ends_run=False)

        assert step.decision.action is Action.ADOPT
        assert (step.statements, step.locks, step.patch) == ((), (), Patch())

    def test_only_locks_that_keep_somebody_out_are_asked_for_and_each_once(self) -> None:
        first, index, *_ = steps_of(decision("legacy", 1), ends_run=True)

        assert [(lock.mode, lock.relation) for lock in first.locks] == [
            ("AccessExclusiveLock", "project_equipment_groups"),
            ("AccessExclusiveLock", "project_roles"),
        ]
        assert [lock.mode for lock in index.locks] == ["ShareUpdateExclusiveLock"]
        (data, _) = steps_of(decision("applied-2", 3), ends_run=True)
        # Every writer takes RowExclusiveLock.
        assert {lock.mode for effect in data.effects for lock in effect.locks} & {"RowExclusiveLock"}
        assert data.locks == ()

    def test_indexes_that_may_be_left_invalid_are_those_built_outside_a_transaction(self) -> None:
        steps = steps_of(decision("legacy", 1), ends_run=True)

        assert [step.built_indexes for step in steps] == [
            (),
            ("idx_project_equipment_groups_project_variant",),
            ("idx_project_equipment_groups_variant",),
            ("idx_project_roles_variant",),
            (),
        ]
        (within, *_) = steps_of(decision("applied-1", 2), ends_run=True)
        assert any(line.startswith("index ") for line in within.patch.plus)
        assert within.built_indexes == ()

    def test_a_step_says_what_it_is(self) -> None:
        (step,) = steps_of(decision("applied-5", 6), ends_run=True)

        assert step.title == 'migration "006_release_group_name_rule"'
        assert step_back(plans.rollback("applied-6")).title == 'rollback script "rollback_variants"'


LOCK = Lock("RowExclusiveLock", "word")


def step_of_rows(count: int, *, more: str = "SELECT 1", locks: int = 1) -> Step:
    """Returns a step of so many INSERTs, of which the first so many have locks, and of another statement."""
    statements = tuple(split("".join(f"INSERT INTO word VALUES ({number});\n" for number in range(count)) + more))
    effects = tuple(
        StatementEffect(one.number, one.words, one.checksum, Patch(), (LOCK,) if one.number <= locks else ())
        for one in statements
    )
    (step, *_) = steps_of(decision("legacy", 1), ends_run=True)
    migration = replace(step.migration, statements=statements, effect=Effect("", effects))
    return replace(step, decision=replace(step.decision, migration=migration), statements=statements)


class TestInARow:
    def test_many_that_only_write_rows_are_together_and_no_others(self) -> None:
        found = [[one.number for one in several] for several in in_a_row(step_of_rows(1500))]

        # The first has a lock of its own; a SELECT may call anything.
        assert found == [[1], [*range(2, 1002)], [*range(1002, 1501)], [1501]]

    def test_a_few_are_told_of_one_by_one(self) -> None:
        assert [len(several) for several in in_a_row(step_of_rows(15))] == [1] * 16

    def test_those_of_which_each_does_more_are_told_of_one_by_one(self) -> None:
        assert [len(several) for several in in_a_row(step_of_rows(50, locks=50))] == [1] * 51


class TestFailed:
    STEP = step_of_rows(30)
    SCRIPT = (
        "\\set at '2'\nSELECT 1\n\\set at '14'\n\\set statement 'x'\nSELECT 2\n\\set at 'end'\nSELECT 3\n\\set at ''\n"
    )

    def test_the_statement_at_work_is_the_last_that_began(self) -> None:
        assert [failed_at(self.SCRIPT, line) for line in (0, 2, 5, 7, 8)] == ["", "2", "14", AT_END, ""]

    def test_it_is_told_with_its_line(self) -> None:
        name = self.STEP.migration.name

        assert place_of(self.STEP, "14") == f"INSERT INTO word VALUES (13), line 14 of {name}.sql"
        assert place_of(self.STEP, AT_END) == "the end of the transaction of statements 1 to 31"
        assert place_of(self.STEP, "") == "statements 1 to 31"
        assert place_of(replace(self.STEP, statements=()), "") == "its registration"
