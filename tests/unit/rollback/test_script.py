"""The script of a rollback, as psql would read it: rollbacks of captured states go in, no server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.execution.script import LockLimits, apply_script
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.rollback.plan import unique_rules
from pyinfra_pgmigrate.rollback.script import build, drop_built, drop_quarantine_script, rules_of, step_back
from pyinfra_pgmigrate.rollback.turn import Rollback

from tests.support import plans
from tests.support.captured import VERSIONS
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of, variables

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


def part(name: str) -> str:
    return read_sql(name).rstrip("\n")


def script_of(rollback: Rollback) -> str:
    return apply_script([(step_back(rollback),)], RUN, "public", LockLimits(0.5, 2000), batch_rows=1000)


@on_each_version
@pytest.mark.parametrize("state", ["applied-1", "applied-6", "adopted-6", "used", "second-applied", "odd"])
def test_all_of_a_rollback_is_one_transaction(version: int, state: str) -> None:
    script = script_of(plans.rollback(state, version))

    assert is_balanced(script)
    found = [inside for line, inside in in_transactions(script) for name, _ in variables(line) if name == "statement"]
    assert found == [True] * 4
    assert part("execution/step_begun") not in script
    assert (value_of(script, "is_last_of_run"), value_of(script, "in_transaction")) == ("true", "true")


@on_each_version
def test_what_goes_is_kept_first(version: int) -> None:
    script = script_of(plans.resolved("applied-6", version))

    assert value_of(script, "tables") == '["project_variants"]'
    columns = [tuple(one[:2]) for one in json.loads(value_of(script, "columns"))]
    assert columns == [("project_equipment_groups", "variant_name"), ("project_roles", "variant_name")]
    assert [one[:2] for one in json.loads(value_of(script, "reverted"))] == [
        [one.version, one.name] for one in reversed(MIGRATIONS)
    ]
    assert script.index(part("rollback/rollback_locks")) < script.index(part("execution/keep"))
    assert script.index(part("execution/keep")) < script.index("\\set statement ")


@on_each_version
def test_a_rule_that_comes_back_does_so_after_the_statements(version: int) -> None:
    script = script_of(plans.resolved("applied-6", version))
    (rule,) = json.loads(values_of(script, "rules")[-1])

    kind, _, name, definition, index, ending = rule
    assert (kind, name, index, ending) == ("index", "idx_project_equipment_groups_project", name, "")
    assert definition.startswith("CREATE UNIQUE INDEX idx_project_equipment_groups_project ON ")
    assert script.rindex("\\set statement ") < script.index(part("rollback/rules_back"))


@on_each_version
@pytest.mark.parametrize("on_conflict", ["rename", "quarantine"])
def test_rows_give_way_before_they_are_counted_as_kept(version: int, on_conflict: str) -> None:
    script = script_of(plans.resolved("used", version, on_conflict=on_conflict))

    files = ("rollback/conflicting", "rollback/resolve", "execution/keep")
    places = [script.index(part(name)) for name in files]
    assert places == sorted(places)
    # Triggers of the application are not to see it.
    first = script.index(part("execution/triggers_off"))
    assert first < script.index(part("rollback/resolve")) < script.index(part("execution/triggers_on"))
    assert value_of(script, "on_conflict") == on_conflict


def test_without_a_conflict_no_row_is_touched() -> None:
    script = script_of(plans.resolved("applied-6"))

    for name in ("rollback/conflicting", "rollback/resolve", "rollback/dependents_kept"):
        assert part(name) not in script


@on_each_version
def test_what_others_built_is_noted_with_how_to_make_it_again(version: int) -> None:
    script = script_of(plans.resolved("extended-view", version, keeps=True))

    ((key, gone, statements, lines),) = json.loads(value_of(script, "dependents"))
    assert (key, gone) == ("view theirs", "DROP VIEW theirs")
    assert statements[0].startswith("CREATE VIEW theirs AS")
    assert statements[1].startswith("ALTER VIEW theirs OWNER TO ")
    assert all("theirs" in line for line in lines)
    assert script.index(part("rollback/dependents_kept")) < script.index(part("execution/keep"))


def test_references_that_a_script_keeps_are_told() -> None:
    found = plans.resolved("applied-6")
    (script,) = found.scripts
    keeping = replace(found, scripts=(replace(script, keeps=(("invoice", "variant"),)),))

    assert json.loads(value_of(script_of(keeping), "keeps")) == [["invoice", "variant"]]


@on_each_version
def test_a_rule_is_given_as_the_files_read_it(version: int) -> None:
    rules = unique_rules(plans.rollback("applied-6", version))

    assert json.loads(rules_of(rules)) == [
        {
            "table": '"project_equipment_groups"',
            "columns": ["name", "project_id"],
            "nulls_distinct": True,
            "predicate": "",
        }
    ]


@on_each_version
@pytest.mark.parametrize(
    ("state", "index"),
    [("applied-6", "idx_project_equipment_groups_project"), ("rule-constraint-applied", "one_name")],
)
def test_an_index_is_built_ahead_without_keeping_a_writer_out(version: int, state: str, index: str) -> None:
    found = plans.rollback(state, version)
    script = build(found.rules, found, RUN, "stage")

    assert value_of(script, "built") == json.dumps([f'"stage".{index}'])
    assert value_of(script, "statement").startswith(f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON ")
    # CONCURRENTLY cannot run inside a transaction block; what an earlier try left INVALID goes first.
    (inside,) = [one for line, one in in_transactions(script) for name, _ in variables(line) if name == "statement"]
    assert not inside
    assert script.index(part("execution/drop_invalid")) < script.index("\\set statement ")
    assert script.index(part("registry/lease")) < script.index("\\set statement ")


def test_a_damaged_registry_is_set_aside_before_an_index_is_built() -> None:
    found = plans.rollback("registry-table-lost")

    assert part("registry/set_aside") in build(found.rules, found, RUN, "public")
    whole = plans.rollback("applied-6")
    assert part("registry/set_aside") not in build(whole.rules, whole, RUN, "public")


def test_an_index_built_ahead_is_dropped_only_while_the_migrations_hold() -> None:
    found = plans.rollback("applied-6")
    script = drop_built(found.rules, found, RUN, "public", lock_timeout_ms=1500)

    assert json.loads(value_of(script, "built")) == ['"public".idx_project_equipment_groups_project']
    assert json.loads(value_of(script, "reverted")) == [6, 5, 4, 3, 2, 1]
    assert value_of(script, "lock_timeout_ms") == "1500"
    assert script.endswith(f"{part('rollback/drop_built')}\n")


def test_a_quarantine_is_thrown_away_under_the_run_lock() -> None:
    script = drop_quarantine_script("12345678", RUN, "public")

    assert value_of(script, "run") == "12345678"
    assert script.index(part("registry/claim")) < script.index(part("rollback/drop_quarantine"))
