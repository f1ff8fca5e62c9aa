"""The patch of migrations turned round; where it leads on every captured state is in test_plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import INVALID, Catalog
from pyinfra_pgmigrate.rollback.plan import make_rollback
from pyinfra_pgmigrate.rollback.turn import Rollback, rule_of

from tests.support.captured import VERSIONS, observed
from tests.support.migrations import MIGRATIONS
from tests.support.plans import SCRIPTS, rollback

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")

RULE = "index idx_project_equipment_groups_project CREATE UNIQUE INDEX idx_project_equipment_groups_project ON project_equipment_groups USING btree (project_id, name)"


@on_each_version
@pytest.mark.parametrize("built", [RULE + INVALID, RULE])
def test_an_index_that_an_earlier_try_built_is_no_other_index(version: int, built: str) -> None:
    seen = observed(version, "applied-6")
    found = make_rollback(MIGRATIONS, SCRIPTS, replace(seen, catalog=Catalog(seen.catalog.lines | {built})), None)
    whole = rollback("applied-6", version)

    assert isinstance(found, Rollback)
    # What was left INVALID goes, and the rule comes back; what was built whole is there already.
    if built == RULE:
        assert (RULE in found.patch.plus, RULE in found.patch.minus) == (False, False)
        assert found.rules == ()
    else:
        assert RULE in found.patch.plus
        assert built in found.patch.minus
        assert found.rules == whole.rules


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (RULE, ("project_equipment_groups", frozenset({"project_id", "name"}))),
        (RULE + INVALID, ("project_equipment_groups", frozenset({"project_id", "name"}))),
        ("constraint a.b UNIQUE (c, d)", ("a", frozenset({"c", "d"}))),
        ("constraint a.b PRIMARY KEY (c)", None),
        ("index a CREATE INDEX a ON b USING btree (c)", None),
        ("index a CREATE UNIQUE INDEX a ON b USING btree (lower(c))", None),
        ("table a", None),
    ],
)
def test_the_rule_of_a_line_is_its_table_and_columns(line: str, expected: object) -> None:
    assert rule_of(line) == expected


def test_what_points_at_a_rule_comes_back_after_it() -> None:
    first = MIGRATIONS[5]
    seen = observed(18, "applied-6")
    row = seen.applied[6]
    lines = ("constraint a.fk FOREIGN KEY (b) REFERENCES c(id)", "constraint c.key UNIQUE (id)", *(row.removed or ()))
    assert seen.registry is not None
    rows = {**seen.applied, 6: replace(row, removed=lines)}
    found = make_rollback(MIGRATIONS, SCRIPTS, replace(seen, registry=replace(seen.registry, migrations=rows)), None)

    assert isinstance(found, Rollback)
    assert first in found.reverted
    assert [rule.name for rule in found.rules][-1] == "fk"
    assert {rule.name for rule in found.rules} == {"fk", "key", "idx_project_equipment_groups_project"}
