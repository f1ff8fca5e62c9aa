"""What stands in the way of a rollback: the question, and how captured answers are read."""

from __future__ import annotations

import json

import pytest
from pyinfra_pgmigrate.psql.answer import Answer, Unreadable
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.rollback.obstacles import obstacles, obstructions_in

from tests.support import plans
from tests.support.captured import VERSIONS, obstructions
from tests.support.contents import RUN
from tests.support.psql_scripts import in_transactions, is_balanced, value_of

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


@on_each_version
def test_what_goes_and_what_comes_back_is_asked_about(version: int) -> None:
    script = obstacles(plans.rollback("applied-6", version), RUN, "public").script

    assert json.loads(value_of(script, "tables")) == ["project_variants"]
    assert json.loads(value_of(script, "columns")) == [
        ["project_equipment_groups", "variant_name"],
        ["project_roles", "variant_name"],
    ]
    going = json.loads(value_of(script, "going"))
    assert going == sorted(going)
    assert {"table project_variants", "column project_roles.variant_name"} <= set(going)
    # The rule comes back; it does not go.
    assert "index idx_project_equipment_groups_project" not in going
    assert json.loads(value_of(script, "rules_on")) == ['"project_equipment_groups"']
    assert set(going) <= set(json.loads(value_of(script, "changing")))


def test_what_it_makes_to_look_is_undone_and_it_waits_for_no_lock_for_long() -> None:
    script = obstacles(plans.rollback("applied-6"), RUN, "public").script

    assert is_balanced(script)
    assert "COMMIT;" not in script.splitlines()
    assert script.endswith("\nROLLBACK;\n")
    asked = dict(in_transactions(script))
    assert asked["SET LOCAL lock_timeout = '10s';"]
    places = [script.index(read_sql(f"rollback/{name}").rstrip("\n")) for name in ("sizes", "dependents", "conflicts")]
    assert places == sorted(places)


def test_names_are_as_the_server_knows_them() -> None:
    question = obstacles(plans.rollback("second-applied"), RUN, "public")

    assert question.purpose == "what is in the way of rollback_variants"
    assert json.loads(value_of(question.script, "rules"))[0]["columns"] == ["name", "project_id"]


@on_each_version
def test_rows_that_break_a_rule_and_sizes_are_read(version: int) -> None:
    found = obstructions(version, "used")

    (conflict,) = found.conflicts
    assert (conflict["count"], conflict["rows"], conflict["stuck"]) == (50, 100, 0)
    assert set(found.table_bytes.values()) == {8192}
    assert found.needed_bytes > 0


@on_each_version
def test_what_others_built_is_read_with_how_it_goes_and_comes(version: int) -> None:
    (view,) = obstructions(version, "extended-view").dependents
    (column,) = obstructions(version, "extended-column").dependents

    assert (view.key, view.gone) == ("view theirs", "DROP VIEW theirs")
    assert (view.made or "").startswith("CREATE VIEW theirs AS")
    # Its values would be lost with the table: nothing makes it again.
    assert (column.key, column.gone and column.made) == ("column project_variants.theirs", None)


def test_an_answer_that_did_not_end_well_is_none() -> None:
    errors = "psql:/tmp/x/script.sql:9: ERROR:  42501: permission denied to create temporary tables\n"

    found = obstructions_in(Answer(3, (), errors))

    assert found == Unreadable(3, "42501", "permission denied to create temporary tables")


def test_an_answer_that_says_nothing_cannot_be_read() -> None:
    with pytest.raises(TypeError):
        obstructions_in(Answer(0))
