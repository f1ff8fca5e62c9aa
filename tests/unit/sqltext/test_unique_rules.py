"""Unique rules as indexes, constraints and upserts name them."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.sqltext.grammar import SqlSyntaxError
from pyinfra_pgmigrate.sqltext.unique_rules import (
    UniqueRule,
    table_of_index,
    unique_rule_of_constraint,
    unique_rule_of_index,
    upserts,
)

from tests.support.captured import observed


@pytest.mark.parametrize("marks", ["", " INVALID", " CLUSTER INVALID", " REPLICA IDENTITY CLUSTER"])
def test_what_a_line_says_behind_an_index_is_no_part_of_it(marks: str) -> None:
    definition = f'CREATE UNIQUE INDEX i ON s."Order Notes" USING btree (a, "B"){marks}'

    assert unique_rule_of_index(definition) == UniqueRule("Order Notes", frozenset({"a", "B"}), "i")
    assert table_of_index(definition) == '"s"."Order Notes"'


def test_a_rule_of_some_rows_is_one_of_its_columns_and_a_plain_index_is_none() -> None:
    found = unique_rule_of_index("CREATE UNIQUE INDEX i ON t USING btree (a) WHERE b > 0")

    assert found == UniqueRule("t", frozenset({"a"}), "i")
    assert unique_rule_of_index("CREATE UNIQUE INDEX i ON t USING btree (a, lower(b))") is None
    assert unique_rule_of_index("CREATE INDEX i ON t USING btree (a)") is None


def test_a_table_in_the_target_schema_has_none_before_it() -> None:
    assert table_of_index('CREATE INDEX i ON "a""b" USING btree (a)') == '"a""b"'


def test_a_primary_key_is_a_rule_and_an_exclusion_is_none() -> None:
    assert unique_rule_of_constraint("s.t", '"The Key"', "PRIMARY KEY (id)") == UniqueRule(
        "t", frozenset({"id"}), "The Key"
    )
    assert unique_rule_of_constraint("t", "k", "EXCLUDE USING btree (a WITH =)") is None
    assert unique_rule_of_constraint("t", "k", "FOREIGN KEY (a) REFERENCES o(id)") is None


@pytest.mark.parametrize("version", [15, 18])
def test_all_indexes_of_a_real_catalog_are_read(version: int) -> None:
    lines = observed(version, "applied-6").catalog.lines
    indexes = [line.split(" ", 2)[2] for line in lines if line.startswith("index ")]
    rules = [rule for rule in map(unique_rule_of_index, indexes) if rule is not None]

    assert {(rule.table, rule.columns) for rule in rules} >= {
        ("project_equipment_groups", frozenset({"project_id", "name", "variant_name"}))
    }
    assert all(table_of_index(one).strip('"') in one for one in indexes)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO t (a) VALUES (1)", []),
        ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING", [UniqueRule("t", frozenset({"a"}))]),
        ("INSERT INTO s.t VALUES (1) ON CONFLICT (lower(a)) DO NOTHING", [UniqueRule("t", frozenset({""}))]),
        ("INSERT INTO t VALUES (1) ON CONFLICT ON CONSTRAINT k DO UPDATE SET a = 1", [UniqueRule("t", frozenset(), "k")]),
        ("SELECT 'ON CONFLICT (a)'", []),
    ],
)  # fmt: skip
def test_an_upsert_names_its_rule(sql: str, expected: list[UniqueRule]) -> None:
    assert list(upserts(sql)) == expected


def test_what_is_no_sql_raises() -> None:
    with pytest.raises(SqlSyntaxError):
        list(upserts("INSERT INTO"))
