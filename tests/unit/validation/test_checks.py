"""What a database must show to count as whole, on what servers answered in named states (tests/captured)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.application.compatibility import Use
from pyinfra_pgmigrate.catalog.lines import key_of
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.drift.entries import Drifts
from pyinfra_pgmigrate.registry.model import Observed
from pyinfra_pgmigrate.validation.checks import WARNINGS, added_by, compatibility_checks, validate
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support.captured import VERSIONS, observed, verified
from tests.support.migrations import MIGRATIONS, NAMES

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")

Found = tuple[str, str, str, str]
PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL


def checks(
    state: str,
    version: int = 18,
    *,
    seen: Observed | None = None,
    drifts: Drifts | None = None,
    warnings: Collection[Found] | None = (),
    strict: bool = False,
) -> list[Check]:
    found = observed(version, state) if seen is None else seen
    told = find_drift(found, MIGRATIONS) if drifts is None else drifts
    return list(validate(MIGRATIONS, found, verified(version, state), warnings, told, strict=strict))


def of(found: Collection[Check], name: str) -> list[Check]:
    return [one for one in found if one.name == name]


@on_each_version
@pytest.mark.parametrize("state", ["applied-6", "adopted-6", "resumed-6", "second-applied", "odd", "used"])
def test_what_runs_leave_passes_whole(version: int, state: str) -> None:
    found = checks(state, version)

    assert {one.verdict for one in found} == {PASS}
    assert [one.object for one in of(found, "verify")] == [NAMES[1], NAMES[2], NAMES[3], NAMES[5]]
    assert {one.name for one in found} == {"rights", "verify", "preserved", "drift", *WARNINGS}


@on_each_version
@pytest.mark.parametrize("count", [1, 3, 5])
def test_only_migrations_that_hold_are_verified(version: int, count: int) -> None:
    found = checks(f"applied-{count}", version)

    assert {one.verdict for one in found} == {PASS}
    assert [one.object for one in of(found, "verify")] == [one for one in NAMES[1:count] if one != NAMES[4]]


class TestVerify:
    @on_each_version
    def test_problems_fail_with_the_first_of_them(self, version: int) -> None:
        bad = [one for one in of(checks("verify-4", version), "verify") if one.verdict is not PASS]

        assert [(one.verdict, one.object) for one in bad] == [(FAIL, NAMES[3])]
        assert "variant_name is empty" in bad[0].found
        assert "no row" in bad[0].expected
        assert "pg_repair=true" in bad[0].hint

    def test_a_query_that_was_not_asked_fails(self) -> None:
        found = list(validate(MIGRATIONS, observed(18, "applied-6"), {}, (), Drifts()))

        assert {(one.verdict, one.found) for one in of(found, "verify")} == {(FAIL, "not asked")}
        assert len(of(found, "verify")) == 4


class TestRights:
    def with_foreign(self, *functions: str) -> Check:
        seen = observed(18, "applied-6")
        (found,) = of(
            checks("applied-6", seen=replace(seen, server=replace(seen.server, foreign_code=functions))), "rights"
        )
        return found

    def test_what_others_wrote_can_run_as_a_superuser(self) -> None:
        found = self.with_foreign("public.f()", "public.g()", "public.h()")

        assert found.verdict is WARN
        assert "public.f() and 2 more" in found.found
        assert "pg_user" in found.hint

    def test_one_function_is_enough_and_has_no_others_beside_it(self) -> None:
        found = self.with_foreign("public.f()")

        assert found.found.endswith("public.f()")


class TestPreserved:
    @on_each_version
    def test_a_column_from_before_that_no_migration_takes_away_fails(self, version: int) -> None:
        found = checks("drifted-old-column", version)

        bad = {one.object: one for one in of(found, "preserved")}
        assert {one.verdict for one in bad.values()} == {FAIL}
        assert "column projects.name" in bad
        assert bad["column projects.name"].expected == "column projects.name text not null"
        assert bad["column projects.name"].hint

    @on_each_version
    def test_it_is_told_once(self, version: int) -> None:
        found = checks("drifted-old-column", version)

        assert not {one.object for one in of(found, "preserved")} & {one.object for one in of(found, "drift")}
        (drift,) = of(found, "drift")
        assert drift.verdict is PASS
        assert "reported above" in drift.object

    @on_each_version
    def test_what_a_migration_takes_away_is_not_missed(self, version: int) -> None:
        registry = observed(version, "applied-6").registry
        assert registry is not None
        # 006 lets go of the old rule.
        assert any("idx_project_equipment_groups_project " in line for line in registry.gone_since_first or ())
        assert [one.verdict for one in of(checks("applied-6", version), "preserved")] == [PASS]

    @pytest.mark.parametrize("noted", [False, True])
    def test_what_an_earlier_run_noted_is_a_warning(self, noted: bool) -> None:
        seen = observed(18, "drifted-old-column")
        assert seen.registry is not None
        gone = frozenset({"column projects.name text not null"})
        # A run after it has kept its catalog: to drift nothing is new.
        registry = replace(seen.registry, gone_since_first=gone, noted_gone=gone if noted else frozenset())

        (found,) = of(checks("drifted-old-column", seen=replace(seen, registry=registry), drifts=Drifts()), "preserved")

        assert (found.verdict, found.object) == (WARN if noted else FAIL, "column projects.name")
        assert found.found.startswith("missing")
        assert "deploy/status.py" in found.hint

    def test_what_stands_in_its_place_is_shown(self) -> None:
        seen = observed(18, "applied-6")
        assert seen.registry is not None
        line = next(one for one in sorted(seen.catalog.lines) if one.startswith("column projects."))
        was = f"{line} as it was"
        registry = replace(seen.registry, gone_since_first=frozenset({was, "owner table projects somebody"}))

        found = of(list(validate(MIGRATIONS, replace(seen, registry=registry), {}, (), Drifts())), "preserved")

        assert {(one.object, one.found, one.expected) for one in found} == {
            (key_of(line), line, was),
            ("table projects", "missing", "owner table projects somebody"),
        }

    def test_lines_that_are_no_drift_and_lines_to_ignore_are_not_missed(self) -> None:
        seen = observed(18, "applied-6")
        assert seen.registry is not None
        gone = frozenset({"column projects.a text", "column projects.b text", "definition view x SELECT 1"})
        told = Drifts(ignored=frozenset({"column projects.a text"}), harmless=frozenset({"column projects.b text"}))
        whole = replace(seen, registry=replace(seen.registry, gone_since_first=gone))

        (found,) = of(list(validate(MIGRATIONS, whole, {}, (), told)), "preserved")

        assert found.verdict is PASS

    def test_a_pattern_in_a_header_takes_lines_away(self) -> None:
        seen = observed(18, "applied-6")
        assert seen.registry is not None
        gone = frozenset({"index by_name CREATE INDEX by_name ON projects USING btree (name)"})
        whole = replace(seen, registry=replace(seen.registry, gone_since_first=gone))
        first, *others = MIGRATIONS
        taking = replace(first, header=replace(first.header, removes=("index by_name *",)))

        assert [one.verdict for one in of(list(validate(MIGRATIONS, whole, {}, (), Drifts())), "preserved")] == [FAIL]
        assert [one.verdict for one in of(list(validate([taking, *others], whole, {}, (), Drifts())), "preserved")] == [
            PASS
        ]

    @on_each_version
    @pytest.mark.parametrize("state", ["legacy", "registry-no-catalogs"])
    def test_where_nobody_knows_what_was_before_it_fails(self, version: int, state: str) -> None:
        found = checks(state, version)

        for name in ("preserved", "drift"):
            (one,) = of(found, name)
            assert one.verdict is FAIL
            assert "not known" in one.found

    @on_each_version
    @pytest.mark.parametrize("state", ["registry-1", "registry-5"])
    def test_a_catalog_in_another_form_is_a_warning(self, version: int, state: str) -> None:
        found = checks(state, version)

        for name in ("preserved", "drift"):
            (one,) = of(found, name)
            assert one.verdict is WARN
            assert "earlier version" in one.found


class TestDrift:
    @on_each_version
    def test_what_is_missing_fails_with_its_repair(self, version: int) -> None:
        (found,) = of(checks("drifted-1-3", version), "drift")

        assert (found.verdict, found.object) == (FAIL, "index idx_project_equipment_groups_project_variant")
        assert found.found == "missing"
        assert found.hint.startswith("CREATE UNIQUE INDEX ")

    @on_each_version
    def test_what_is_changed_fails(self, version: int) -> None:
        (found,) = of(checks("drifted-type", version), "drift")

        assert (found.verdict, found.object) == (FAIL, "column project_variants.sort_order")
        assert "bigint" in found.found
        assert "integer" in found.expected

    @on_each_version
    @pytest.mark.parametrize(("strict", "verdict"), [(False, WARN), (True, FAIL)])
    def test_what_is_extra_fails_only_where_that_is_asked_for(
        self, version: int, strict: bool, verdict: Verdict
    ) -> None:
        (found,) = of(checks("extended-view", version, strict=strict), "drift")

        assert (found.verdict, found.object) == (verdict, "view theirs")

    @on_each_version
    def test_what_is_ignored_is_counted(self, version: int) -> None:
        seen = observed(version, "extended-view")
        told = find_drift(seen, MIGRATIONS, ignore=["*theirs*"])
        assert told is not None

        (found,) = of(checks("extended-view", version, drifts=told), "drift")

        assert found.verdict is PASS
        assert f"{len(told.ignored)} lines ignored by pg_drift_ignore" in found.object


class TestWarnings:
    # As warnings.sql tells them: name, object, found, expected.
    @pytest.mark.parametrize(
        ("told", "hint", "expected"),
        [
            (
                ("valid indexes", 'index stage."by name"', "INVALID: ...", "a valid index"),
                'REINDEX INDEX CONCURRENTLY stage."by name"',
                "a valid index",
            ),
            (
                (
                    "validated constraints",
                    'constraint stage.projects."a.b"',
                    "NOT VALID: ...",
                    "a validated constraint",
                ),
                'ALTER TABLE stage.projects VALIDATE CONSTRAINT "a.b"',
                "a validated constraint",
            ),
            (
                ("unique rules", "index by_name", "does not look at variant_name, added by 001", "to know that"),
                "a migration of phase contract",
                "to know that",
            ),
            (
                ("readers", "role app", "may read projects, but not project_variants", "GRANT SELECT ON a TO app"),
                "GRANT SELECT ON a TO app",
                "to read both",
            ),
            (
                ("statistics", "table projects", "not analyzed since it got an index: never", "ANALYZE projects"),
                "ANALYZE projects",
                "statistics that know it",
            ),
        ],
    )
    def test_each_finding_comes_with_what_mends_it(self, told: Found, hint: str, expected: str) -> None:
        found = checks("applied-6", warnings=[told])
        (one,) = of(found, told[0])

        assert (one.verdict, one.object, one.found) == (WARN, told[1], told[2])
        assert one.hint.startswith(hint)
        assert one.expected == expected
        assert all(other.verdict is PASS for name in WARNINGS if name != told[0] for other in of(found, name))

    def test_where_nobody_could_look_each_fails(self) -> None:
        found = checks("applied-6", warnings=None)

        assert [[one.verdict for one in of(found, name)] for name in WARNINGS] == [[FAIL]] * len(WARNINGS)

    def test_two_findings_of_one_kind_are_two_checks(self) -> None:
        told = [("valid indexes", f"index {name}", "INVALID", "a valid index") for name in ("a", "b")]

        assert [one.object for one in of(checks("applied-6", warnings=told), "valid indexes")] == ["index a", "index b"]


class TestAdded:
    @on_each_version
    def test_what_applied_migrations_made_is_looked_at(self, version: int) -> None:
        found = added_by(MIGRATIONS, observed(version, "applied-6"))

        assert found.tables == ("project_variants",)
        # Columns of a table that is new itself break no rule from before.
        assert found.columns == (
            ("project_equipment_groups", "variant_name", NAMES[0]),
            ("project_roles", "variant_name", NAMES[0]),
        )
        assert {table.strip('"') for table, _ in found.built} == {
            "project_equipment_groups",
            "project_roles",
            "project_variants",
        }
        assert {at for _, at in found.built} == {"2026-01-01T00:00:00Z"}

    def test_what_is_pending_or_has_no_effect_made_nothing(self) -> None:
        seen = observed(18, "applied-1")
        bare = [replace(one, effect=None) for one in MIGRATIONS]

        assert added_by(MIGRATIONS, seen).tables == ()
        assert (added_by(bare, seen).columns, added_by(bare, seen).built) == ((), ())


BY_VERSION = {one.version: one.name for one in MIGRATIONS}


class TestCompatibility:
    USES = (Use("add", "add one", "", None, ("SELECT 1",)), Use("upsert", "add or change", "", 6, ("SELECT 1",)))

    def verdicts(self, answers: dict[str, str] | None, applied: Collection[int]) -> list[Verdict]:
        return [one.verdict for one in compatibility_checks(self.USES, answers, applied, BY_VERSION)]

    def test_what_works_passes(self) -> None:
        assert self.verdicts({"add": "", "upsert": ""}, {1, 2}) == [PASS, PASS]

    def test_what_was_to_work_until_a_migration_that_holds_is_a_warning(self) -> None:
        assert self.verdicts({"add": "", "upsert": "no rule"}, range(1, 7)) == [PASS, WARN]
        assert self.verdicts({"add": "", "upsert": "no rule"}, range(1, 6)) == [PASS, FAIL]

    def test_what_was_not_tried_fails(self) -> None:
        assert self.verdicts(None, {1}) == [FAIL, FAIL]
        assert self.verdicts({"add": ""}, {1}) == [PASS, FAIL]

    def test_a_failure_names_what_it_is_for_and_where_the_database_stands(self) -> None:
        (found, _) = compatibility_checks(self.USES, {"add": "no column", "upsert": ""}, {1, 2}, BY_VERSION)

        assert found.found == "no column"
        assert NAMES[1] in found.expected
        assert "add one" in found.expected
        assert "rollback" in found.hint
        (found, _) = compatibility_checks(self.USES, None, (), BY_VERSION)
        assert "before the first migration" in found.expected

    def test_a_migration_without_a_file_is_named_by_its_number(self) -> None:
        (_, found) = compatibility_checks(self.USES, {"add": "", "upsert": "no rule"}, {6}, {})

        assert found.verdict is WARN
        assert "until 006" in found.expected
