"""Which tables and columns of a backup are compared with those of a database, between captured states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.catalog.lines import Catalog, Patch
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.validation.data import Compared, LeftOut, Source, catalog_name, compared_tables, label_before

from tests.support.captured import VERSIONS, observed
from tests.support.migrations import MIGRATIONS, NAMES
from tests.unit.backup.test_store import manifest
from tests.unit.validation.sources import WAS, source

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


def by_table(
    before: Source, state: str, version: int = 18, migrations: Sequence[Migration] = MIGRATIONS
) -> dict[str, Compared]:
    return {one.ident: one for one in compared_tables(before, observed(version, state), migrations, "public")}


class TestOneSchema:
    """A backup that was taken for another schema, of which only the tables of one are compared."""

    CONTENTS = Contents(
        {"a.t": WAS, "b.t": WAS, '"C d".t': WAS},
        0,
        Catalog.of(["table t", "column t.n kind", "table b.t", "column b.t.n b.kind", "column b.t.m integer",
                    'column "C d".t.n "C d".kind']),
        ((1, "x"),),
        schema="a",
        applied_in={"a": ((1, "x"),), "b": ((1, "x"), (2, "y"))},
    )  # fmt: skip

    def compared(self, schema: str, lines: Sequence[str], scope: str) -> list[Compared]:
        now = replace(observed(18, "legacy"), catalog=Catalog.of(lines))
        before = Source.of(manifest(1), self.CONTENTS, is_quiet=False)
        return compared_tables(before, now, [], schema, scope)

    def test_its_columns_are_those_that_the_lines_name_with_their_schema(self) -> None:
        (found,) = self.compared("b", ["table t", "column t.n kind", "column t.m integer"], "b")

        assert (found.ident, found.columns, found.left_out) == ("b.t", ("m", "n"), ())

    def test_one_of_another_type_is_left_out(self) -> None:
        (found,) = self.compared("b", ["table t", "column t.n text", "column t.m integer"], "b")

        assert (found.columns, [one.column for one in found.left_out]) == (("m",), ["n"])

    def test_its_name_may_want_quotes(self) -> None:
        (found,) = self.compared("C d", ["table t", "column t.n kind"], "C d")

        assert (found.ident, found.columns) == ('"C d".t', ("n",))

    def test_from_another_schema_all_have_their_columns(self) -> None:
        lines = ["table t", "column t.n integer", "table a.t", "column a.t.n kind", "table b.t", "column b.t.m integer"]
        found = self.compared("other", lines, "")

        assert [(one.ident, one.columns) for one in found] == [('"C d".t', ()), ("a.t", ("n",)), ("b.t", ("m",))]

    def test_without_a_limit_all_are_compared(self) -> None:
        found = self.compared("a", ["table t", "column t.n kind", "table b.t", "column b.t.n b.kind"], "")

        assert [(one.ident, one.columns) for one in found] == [
            ('"C d".t', ()), ("a.t", ("n",)), ("b.t", ("n",)),
        ]  # fmt: skip


class TestTables:
    @on_each_version
    def test_columns_that_migrations_added_do_not_count(self, version: int) -> None:
        found = by_table(source("legacy", version), "applied-6", version)

        groups = found["public.project_equipment_groups"]
        assert groups.columns is not None
        assert "variant_name" not in groups.columns
        assert {"id", "name", "project_id"} <= set(groups.columns)
        assert all(one.is_there and one.left_out == () and one.taken_by == "" for one in found.values())

    @on_each_version
    def test_those_of_the_registry_are_left_out(self, version: int) -> None:
        before = source("applied-6", version, applied=range(1, 7))

        assert "public.project_variants" in by_table(before, "applied-6", version)
        assert not any(one.startswith("pgmigrate.") for one in by_table(before, "applied-6", version))

    @on_each_version
    def test_a_migration_since_the_backup_that_writes_to_a_table_is_named(self, version: int) -> None:
        before, after = source("applied-2", version, applied=[1, 2]), source("applied-3", version, applied=[1, 2, 3])

        assert by_table(before, "applied-6", version)["public.project_variants"].written_by == (NAMES[2],)
        assert by_table(after, "applied-6", version)["public.project_variants"].written_by == ()

    @on_each_version
    def test_a_column_that_other_hands_took_away_is_left_out(self, version: int) -> None:
        found = by_table(source("legacy", version), "drifted-old-column", version)["public.projects"]

        assert found.left_out == (LeftOut("name", ""),)
        assert found.columns is not None
        assert "name" not in found.columns

    @on_each_version
    def test_a_column_of_another_type_is_left_out(self, version: int) -> None:
        before = source("applied-6", version, applied=range(1, 7))

        found = by_table(before, "drifted-type", version)["public.project_variants"]

        assert found.left_out == (LeftOut("sort_order", ""),)

    @on_each_version
    def test_a_default_makes_no_other_column(self, version: int) -> None:
        # "default" and "not null" say nothing of the rows that are there.
        catalog = observed(version, "legacy").catalog
        line = next(one for one in catalog.lines if one.startswith("column projects.name "))
        before = source("legacy", version)
        other = Catalog(catalog.lines - {line} | {"column projects.name text default 'x'::text"})
        changed = replace(before, contents=replace(before.contents, catalog=other))

        assert by_table(changed, "applied-6", version)["public.projects"].left_out == ()

    def test_what_a_migration_takes_away_is_named(self) -> None:
        first = MIGRATIONS[0]
        assert first.effect is not None
        legacy = observed(18, "legacy").catalog
        gone = frozenset(
            line for line in legacy.lines if line.startswith(("table project_events", "column projects.name "))
        )
        statement = replace(first.effect.statements[0], patch=Patch(minus=gone))
        taking = replace(first, effect=replace(first.effect, statements=(statement,)))
        seen = observed(18, "drifted-old-column")
        now = replace(seen, catalog=Catalog(seen.catalog.lines - gone))

        found = {one.ident: one for one in compared_tables(source("legacy"), now, [taking], "public")}

        assert found["public.projects"].left_out == (LeftOut("name", NAMES[0]),)
        assert (found["public.project_events"].is_there, found["public.project_events"].taken_by) == (
            False,
            NAMES[0],
        )

    def test_a_table_that_the_catalog_of_the_backup_does_not_have_counts_whole(self) -> None:
        before = source("legacy")
        other = replace(before, contents=replace(before.contents, tables={"other.t": WAS}))

        assert by_table(other, "applied-6") == {"other.t": Compared("other.t", is_there=False)}

    @pytest.mark.parametrize(
        ("ident", "schema", "expected"),
        [
            ("public.projects", "public", "projects"),
            ("other.projects", "public", "other.projects"),
            ('"My Schema"."a.b"', "My Schema", '"a.b"'),
            ('"My Schema".t', "public", '"My Schema".t'),
        ],
    )
    def test_names_leave_out_the_schema_of_the_migrations(self, ident: str, schema: str, expected: str) -> None:
        assert catalog_name(ident, schema) == expected


class TestLabel:
    def test_the_backup_before_the_first_migration_that_has_one_counts(self) -> None:
        seen = observed(18, "applied-6")
        assert seen.registry is not None
        labels = {2: "shop.2", 5: "shop.5"}
        rows = {number: replace(row, backup=labels.get(number)) for number, row in seen.applied.items()}

        assert label_before(replace(seen, registry=replace(seen.registry, migrations=rows))) == "shop.2"
        assert label_before(observed(18, "applied-6")) == ""
        assert label_before(observed(18, "legacy")) == ""

    def test_a_source_is_named_by_label_and_time(self) -> None:
        assert str(source("legacy")) == "backup stage.1 of 2026-11-22T13:00:00Z"
