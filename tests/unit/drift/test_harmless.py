"""What of a changed catalog is no drift, as lines of two catalogs."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.drift.detect import changes_between
from pyinfra_pgmigrate.drift.entries import Change, Drifts


def between(kept: list[str], now: list[str]) -> Drifts:
    return changes_between(Catalog.of(kept), Catalog.of(now), version_num=180000)


def notes(kept: list[str], now: list[str]) -> tuple[str, ...]:
    """Returns the notes on what is told as nothing else."""
    found = between(kept, now)
    assert found.entries == ()
    patch = Catalog.of(kept).difference(Catalog.of(now))
    assert found.harmless == patch.minus | patch.plus
    return found.notes


def test_comments_are_counted_by_object() -> None:
    assert notes(["comment table t 'a'"], ["comment table t 'b'"]) == ("1 comment changed",)
    assert notes([], ["comment table t 'a'", "comment column t.c 'b'"]) == ("2 comments changed",)


def test_settings_are_told_by_object() -> None:
    kept = ["table t", "table_setting t fillfactor 70"]
    now = ["table t", "table_setting t fillfactor 80", "column_setting t.c statistics 500"]

    assert notes(kept, now) == ("settings of column t.c changed", "settings of table t changed")


def test_settings_of_what_is_otherwise_itself_go_without_a_word() -> None:
    found = between(["index i CREATE INDEX i ON t USING btree (a)", "index_setting i fillfactor 70"],
                    ["index i CREATE INDEX i ON t USING btree (b)"])  # fmt: skip

    assert [(one.kind, one.key) for one in found.entries] == [(Change.CHANGED, "index i")]
    assert found.notes == ()
    assert found.harmless == {"index_setting i fillfactor 70"}


def test_an_index_that_became_valid_is_a_note_and_one_that_became_invalid_is_not() -> None:
    line = "index i CREATE INDEX i ON t USING btree (a)"

    assert notes([f"{line} INVALID"], [line]) == ("index i is valid now",)
    assert [one.key for one in between([line], [f"{line} INVALID"]).entries] == ["index i"]


@pytest.mark.parametrize("parent", ["p", 's."Parent, (x)"'])
def test_new_partitions_of_a_table_that_was_there_are_notes_with_all_that_hangs_on_them(parent: str) -> None:
    kept = [f"table {parent} partition by RANGE (a)"]
    new = [
        f"table c partition of {parent} FOR VALUES FROM (1) TO (2) partition by RANGE (a)",
        "owner table c me",
        "constraint c.k CHECK ((a > 0))",
        "index i CREATE INDEX i ON c USING btree (a)",
        "table d partition of c DEFAULT",
    ]

    assert notes(kept, [*kept, *new]) == (f"table c is a new partition of {parent}", "table d is a new partition of c")


def test_a_partition_of_a_new_table_is_as_new_as_that() -> None:
    found = between([], ["table p partition by RANGE (a)", "table c partition of p DEFAULT"])

    assert {one.key for one in found.entries} == {"table p", "table c"}


def test_a_constraint_that_a_parent_has_anyhow_is_a_note() -> None:
    both = ["table p", "constraint p.k CHECK ((a > 0))", "table c inherits (p)"]

    assert notes(both, [*both, "constraint c.k CHECK ((a > 0))"]) == ("constraint c.k is inherited",)
    other = between(both, [*both, "constraint c.k CHECK ((a > 1))"])
    assert [one.key for one in other.entries] == ["constraint c.k"]


def test_columns_that_change_with_those_of_a_parent_are_told_with_it() -> None:
    tables = ["table p", "table c inherits (p)", "table g inherits (c)"]
    kept = [*tables, "column p.a integer", "column c.a integer", "column g.a integer"]
    now = [*tables, "column p.a bigint", "column c.a bigint", "column g.a bigint"]

    (found,) = between(kept, now).entries

    assert found.key == "column p.a"
    assert found.patch.minus == {"column p.a integer", "column c.a integer", "column g.a integer"}
    assert found.patch.plus == {"column p.a bigint", "column c.a bigint", "column g.a bigint"}
    assert found.repair == "ALTER TABLE p ALTER COLUMN a TYPE integer USING a::integer;"
