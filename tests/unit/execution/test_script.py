"""The scripts that change a database, as psql would read them: plans of captured states go in, no server."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import key_of
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.execution.failed import aftermath_script, blockers_script
from pyinfra_pgmigrate.execution.script import LockLimits, apply_script
from pyinfra_pgmigrate.execution.steps import Step, steps_of
from pyinfra_pgmigrate.migrations.remade import Remade
from pyinfra_pgmigrate.planning.decision import Decision
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.rollback.script import step_back
from pyinfra_pgmigrate.sqltext.lock_modes import MODES

from tests.support import plans
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.plans import decision
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of, variables
from tests.unit.execution.test_steps import step_of_rows

LIMITS = LockLimits(poll_s=0.5, timeout_ms=2500, tries=3)
FIRST, SECOND, THIRD = MIGRATIONS[:3]


def script_of(steps: list[Step], *, schema: str = "public", backup: str = "") -> str:
    return apply_script([(step,) for step in steps], RUN, schema, LIMITS, batch_rows=750, backup=backup)


def part(name: str) -> str:
    return read_sql(name).rstrip("\n")


def order(script: str, *names: str) -> list[int]:
    """Returns where files stand in a script; each must."""
    return [script.index(part(name)) for name in names]


class TestScript:
    def test_between_many_statements_that_write_rows_nothing_is_asked(self) -> None:
        script = script_of([step_of_rows(500)])

        assert script.count("EXECUTE pgmigrate_trace(") == len(["before", "first", "others", "SELECT"])
        assert script.count("SELECT :'statement' \\gexec") == 501

    @pytest.mark.parametrize("state", ["legacy", "hand-1", "hand-6", "interrupted-1-4", "applied-2"])
    def test_every_branch_and_every_transaction_ends(self, state: str) -> None:
        steps = [step for one in plans.plan(state).changes for step in steps_of(one, ends_run=False)]
        script = script_of(steps)

        assert is_balanced(script)
        *_, (_, inside) = in_transactions(script)
        assert not inside

    @pytest.mark.parametrize("migration", range(1, 7))
    def test_a_statement_stands_in_a_transaction_where_it_can_and_only_there(self, migration: int) -> None:
        steps = steps_of(decision("legacy", migration), ends_run=True)
        by_text = {one.text: step.in_transaction for step in steps for one in step.statements}

        found = [
            (value, inside)
            for line, inside in in_transactions(script_of(steps))
            for name, value in variables(line)
            if name == "statement"
        ]

        assert dict(found) == by_text
        assert len(found) == len(by_text)

    def test_each_step_is_told_in_its_own_variables(self) -> None:
        found = decision("legacy", 1)
        script = script_of(steps_of(found, ends_run=True), backup="shop.1")

        assert value_of(script, "backup") == "shop.1"
        assert values_of(script, "version") == ["1"] * 5
        assert values_of(script, "checksum") == [FIRST.checksum] * 5
        assert values_of(script, "event") == ["step"] * 4 + ["applied"]
        assert values_of(script, "how") == ["applied"] * 5
        assert values_of(script, "expected_checksum") == [""] * 5
        # The last event speaks for the whole migration.
        assert values_of(script, "statements") == ["[1, 2]", "[3]", "[4]", "[5]", "[1, 2, 3, 4, 5]"]
        assert values_of(script, "is_first") == ["true"] + ["false"] * 4
        assert values_of(script, "is_last_step") == ["false"] * 4 + ["true"]
        assert values_of(script, "is_last_of_run") == ["false"] * 4 + ["true"]
        assert values_of(script, "in_transaction") == ["true", "false", "false", "false", "true"]
        assert values_of(script, "tries") == ["3"] * 5
        assert values_of(script, "batch_rows") == ["750"] * 5
        assert values_of(script, "begun") == ["3", "4", "5"]

    def test_the_lines_of_each_step_are_those_of_its_effect(self) -> None:
        steps = steps_of(decision("legacy", 2), ends_run=True)
        script = script_of(steps)

        for name, lines in {
            "plus": [step.patch.plus for step in steps],
            "minus": [step.patch.minus for step in steps],
            "present": [step.present for step in steps],
            "absent": [step.absent for step in steps],
        }.items():
            assert [set(json.loads(value)) for value in values_of(script, name)] == lines

    def test_rights_may_change_on_what_the_migration_makes_or_touches_and_on_nothing_else(self) -> None:
        found = decision("legacy", 2)
        effect = found.migration.effect
        assert effect is not None
        granted = replace(effect.statements[-1], touches=("table projects",))
        told = replace(found.migration, effect=replace(effect, statements=(*effect.statements[:-1], granted)))
        script = script_of(steps_of(replace(found, migration=told), ends_run=True))

        made = {key_of(line) for line in effect.patch.plus}
        assert set(json.loads(values_of(script, "objects")[0])) == made | {"table projects"}

    def test_a_registered_row_must_be_the_one_that_was_read(self) -> None:
        found = decision("drifted-1-5", 1, pg_repair=True)
        assert found.row is not None
        script = script_of(steps_of(found, ends_run=True))

        assert set(values_of(script, "expected_checksum")) == {found.row.checksum}
        assert values_of(script, "event") == ["step", "repaired"]
        assert values_of(script, "statements") == ["[5]", "[5]"]

    def test_tables_are_locked_in_the_target_schema_and_before_the_first_statement(self) -> None:
        steps = steps_of(decision("legacy", 1), ends_run=True)[:1]
        script = script_of(steps, schema="stage")

        assert json.loads(value_of(script, "locks")) == [
            ["ACCESS EXCLUSIVE", '"stage".project_equipment_groups'],
            ["ACCESS EXCLUSIVE", '"stage".project_roles'],
        ]
        assert (value_of(script, "lock_poll_s"), value_of(script, "lock_timeout_ms")) == ("0.5", "2500")
        assert script.index(part("execution/step_locks")) < script.index("\\set statement ")

    def test_the_run_lock_is_taken_before_anything_is_changed(self) -> None:
        script = script_of(steps_of(decision("legacy", 1), ends_run=True))

        places = order(script, "registry/claim", "registry/lease", "execution/step_begin", "execution/step_locks")
        assert places == sorted(places)
        assert part("registry/set_aside") not in script

    def test_no_lock_timeout_ends_the_build_of_an_index(self) -> None:
        # CREATE INDEX CONCURRENTLY waits for old snapshots; a timeout would leave an INVALID index.
        script = script_of(steps_of(decision("legacy", 1), ends_run=True)[1:2])

        off = script.index("\nSET lock_timeout = 0;\n")
        assert off < script.index(part("execution/drop_invalid")) < script.index("\\set statement ")
        assert value_of(script, "built") == '["\\"public\\".idx_project_equipment_groups_project_variant"]'

    def test_what_begins_outside_a_transaction_is_noted_and_committed_first(self) -> None:
        script = script_of(steps_of(decision("legacy", 1), ends_run=True)[1:2])
        noted = script.index(part("execution/step_begun"))

        assert noted < script.index("\nCOMMIT;\n", noted) < script.index("\\set statement ")

    def test_a_statement_in_batches_is_run_by_the_program_for_it(self) -> None:
        script = script_of(steps_of(decision("applied-2", 3), ends_run=True))

        assert script.count(part("execution/batches")) == 1
        assert "SELECT :'statement' \\gexec" not in script

    def test_the_verify_query_is_asked_once_and_before_the_row_is_written(self) -> None:
        steps = steps_of(decision("legacy", 2), ends_run=True)
        script = script_of(steps)
        last = script.rindex(part("execution/step_register"))

        assert value_of(script, "verify") == SECOND.verify
        assert script.index(part("execution/step_verify")) < last
        assert script.index("\nCOMMIT;\n", last) > last
        assert FIRST.verify is None
        assert values_of(script_of(steps_of(decision("legacy", 1), ends_run=True)), "verify") == []

    def test_what_a_commit_would_check_belongs_to_the_step(self) -> None:
        script = script_of(steps_of(decision("legacy", 2), ends_run=True))

        checked = script.index("SET CONSTRAINTS ALL IMMEDIATE;")
        assert script.rindex("\\set statement ") < checked < script.index(part("execution/step_compare"))

    def test_nothing_is_run_for_what_is_in_place(self) -> None:
        script = script_of(steps_of(decision("hand-6", 1), ends_run=False))

        assert values_of(script, "statement") == []
        assert values_of(script, "event") == ["adopted"]
        assert script.count(part("execution/step_register")) == 1

    def test_after_the_last_step_what_a_rollback_kept_is_put_back_into_the_tables_that_were_made(self) -> None:
        script = script_of(steps_of(decision("legacy", 2), ends_run=True))

        assert json.loads(value_of(script, "tables")) == ["project_variants"]
        places = order(script, "execution/triggers_off", "execution/put_back", "execution/triggers_on")
        assert places == sorted(places)
        first = script_of(steps_of(decision("legacy", 1), ends_run=True)[:1])
        assert part("execution/put_back") not in first

    def test_a_transaction_begins_as_its_file_says(self) -> None:
        found = decision("applied-5", 6)
        strict = replace(found.migration, transaction_mode="ISOLATION LEVEL SERIALIZABLE")
        script = script_of(steps_of(replace(found, migration=strict), ends_run=True))

        assert "\nBEGIN ISOLATION LEVEL SERIALIZABLE;\n" in script
        assert "SERIALIZABLE" not in script_of(steps_of(found, ends_run=True))

    def test_a_migration_without_an_effect_names_no_object_as_its_own(self) -> None:
        found = decision("hand-6", 1)
        bare: Decision = replace(found, migration=replace(found.migration, effect=None))
        script = script_of(steps_of(bare, ends_run=True))

        assert (value_of(script, "objects"), value_of(script, "tables")) == ("[]", "[]")

    def test_removed_patterns_are_those_of_like(self) -> None:
        header = replace(FIRST.header, removes=("index a_b% *",))
        found = decision("hand-6", 1)
        changed = replace(found, migration=replace(found.migration, header=header))

        assert json.loads(value_of(script_of(steps_of(changed, ends_run=True)), "removes")) == ["index a\\_b\\% %"]

    def test_a_rollback_keeps_rows_before_and_brings_rules_back_after_its_statements(self) -> None:
        back = plans.resolved("applied-6")
        script = script_of([step_back(back)])

        statements = [match.start() for match in re.finditer(r"^\\set statement ", script, re.MULTILINE)]
        assert script.index(part("execution/keep")) < statements[0]
        assert statements[-1] < script.index(part("rollback/rules_back")) < script.index(part("execution/step_compare"))
        assert part("rollback/rollback_register") in script
        assert part("execution/step_register") not in script
        assert is_balanced(script)

    def test_a_damaged_registry_is_set_aside_under_the_run_lock(self) -> None:
        script = script_of([step_back(plans.rollback("registry-table-lost"))])

        places = order(script, "registry/claim", "registry/set_aside", "registry/registry_version", "registry/lease")
        assert places == sorted(places)


class TestOthers:
    def test_who_blocks_a_step_is_asked_by_table_and_mode(self) -> None:
        step = steps_of(decision("legacy", 1), ends_run=True)[0]
        script = blockers_script(step, RUN, "public")

        # ACCESS EXCLUSIVE conflicts with every mode.
        assert json.loads(value_of(script, "in_the_way")) == [
            ['"public".project_equipment_groups', list(MODES)],
            ['"public".project_roles', list(MODES)],
        ]
        assert not re.search(r"^(?:INSERT|UPDATE|DELETE|ALTER|DROP|CREATE)\b", part("execution/blockers"), re.MULTILINE)

    def test_what_stopped_a_step_is_noted_and_its_unfinished_indexes_go(self) -> None:
        step = steps_of(decision("legacy", 1), ends_run=True)[2]
        script = aftermath_script(step, RUN, "public", kind=Kind.LOCK, sqlstate="55P03", message="it's held")

        assert value_of(script, "message") == "lock: it's held"
        assert (value_of(script, "sqlstate"), value_of(script, "statements")) == ("55P03", "[4]")
        assert value_of(script, "built") == '["\\"public\\".idx_project_equipment_groups_variant"]'
        places = order(script, "execution/aftermath", "execution/drop_invalid")
        assert places == sorted(places)
        assert THIRD.name not in script


class TestAfterARollback:
    def remade(self, *, number: int = 1) -> list[Step]:
        found = decision("legacy", 2)
        one = Remade(number, "table", "project_roles")
        other = Remade(number, "column", 'users."Name"')
        return steps_of(replace(found, remade=(one, other, Remade(number, "sequence", "s"))), ends_run=True)

    def test_what_is_made_again_is_kept_around_its_statements(self) -> None:
        script = script_of(self.remade())

        asked, before, after, due = order(
            script, "execution/remade", "execution/keep", "execution/keep_after", "execution/due"
        )
        assert asked < before < script.index("\\set statement ") < after < due
        assert is_balanced(script)
        assert json.loads(values_of(script, "columns")[0]) == [["users", '"Name"', True]]
        assert json.loads(values_of(script, "sequences")[0]) == [
            ["s", None, False],
            ["project_roles", None, False],
            ["users", '"Name"', False],
        ]
        assert json.loads(value_of(script, "remade")) == ['column users."Name"', "project_roles", "sequence s"]

    def test_and_by_the_step_alone_that_drops_it(self) -> None:
        assert part("execution/keep") not in script_of(self.remade(number=99))

    def test_a_value_of_an_enum_is_committed_before_rows_are_put_back(self) -> None:
        found = decision("legacy", 2)
        together = steps_of(found, ends_run=True)
        alone = steps_of(replace(found, registers_alone=True), ends_run=True)

        assert [len(step.statements) for step in alone] == [*(len(step.statements) for step in together), 0]
        assert [step.is_last for step in alone] == [False] * len(together) + [True]
        assert part("execution/due") in script_of(alone[-1:])
        assert part("execution/due") not in script_of(alone[:-1])
