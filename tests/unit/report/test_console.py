"""What plans, rollbacks and checks look like on a terminal, for captured states."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.planning.decision import Action
from pyinfra_pgmigrate.report.console import (
    heading,
    headings,
    plan_lines,
    powers,
    rollback_lines,
    validation_lines,
)
from pyinfra_pgmigrate.rollback.blockers import KeptObject
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support import plans
from tests.support.captured import VERSIONS, observed
from tests.support.migrations import MIGRATIONS, NAMES

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


class TestHeading:
    @on_each_version
    def test_says_which_database_this_is(self, version: int) -> None:
        assert heading(observed(version, "legacy")) == (
            f'database "shop", PostgreSQL {version} (primary), 8.0 KiB, as role postgres'
        )

    def test_says_where_it_is_a_standby_and_names_the_version_alone(self) -> None:
        seen = observed(18, "legacy")
        server = replace(seen.server, in_recovery=True, version="17.5 (Debian 17.5-1.pgdg12+1)")

        assert "PostgreSQL 17.5 (standby)" in heading(replace(seen, server=server))

    @pytest.mark.parametrize(
        ("functions", "told"),
        [(("public.f()",), "(public.f())"), (("public.f()", "public.g()", "public.h()"), "(public.f() and 2 more)")],
    )
    def test_warns_of_a_superuser_among_functions_of_others(self, functions: tuple[str, ...], told: str) -> None:
        seen = observed(18, "legacy")
        whole = replace(seen, server=replace(seen.server, foreign_code=functions))

        first, second = headings(whole).splitlines()
        assert first == heading(whole)
        assert second.startswith("WARN: role postgres is a superuser")
        assert told in second

    def test_warns_of_nothing_where_there_is_nothing(self) -> None:
        seen = observed(18, "legacy")

        assert powers(seen.server) == ""
        assert headings(seen) == heading(seen)


class TestPlan:
    @on_each_version
    def test_tells_each_migration_with_its_patch(self, version: int) -> None:
        found = plans.plan("legacy", version)
        lines = list(plan_lines(found, most=10))

        firsts = [line for line in lines if not line.startswith(" ")]
        assert [line.split(":")[0] for line in firsts] == NAMES
        for decision in found.changes:
            for line in decision.patch.plus:
                assert f"    + {line}" in lines

    def test_of_many_migrations_tells_a_line_each(self) -> None:
        lines = list(plan_lines(plans.plan("legacy"), most=6))

        assert len(lines) == 6
        assert len(list(plan_lines(plans.plan("legacy"), most=7))) > 6

    def test_says_where_there_is_nothing_to_do(self) -> None:
        (line,) = plan_lines(plans.plan("applied-6"), most=10)

        assert line.startswith("nothing to do")

    def test_says_what_is_held_and_how_to_let_it_go(self) -> None:
        found = plans.plan("applied-5")
        (decision,) = found.changes
        held = replace(decision, action=Action.HOLD, reason="the application still names the rule")
        first, second = plan_lines(replace(found, decisions=(held,)), most=10)

        assert first.startswith(f"{NAMES[5]}: held, the application still names the rule")
        assert "pg_release=true" in first
        assert second.startswith("nothing to do")


class TestRollback:
    @on_each_version
    def test_names_what_goes_what_is_kept_and_by_which_script(self, version: int) -> None:
        first, *lines = rollback_lines(plans.resolved("applied-6", version))

        assert first == f"would revert {', '.join(reversed(NAMES))}, by rollback_variants"
        assert "    keeps all rows of table project_variants in the quarantine" in lines
        for table in ("project_equipment_groups", "project_roles"):
            assert f"    keeps what is not the default in column {table}.variant_name in the quarantine" in lines

    @on_each_version
    def test_names_rows_that_get_another_name_and_how_many_more(self, version: int) -> None:
        lines = list(rollback_lines(plans.resolved("used", version, on_conflict="rename")))

        place = next(number for number, line in enumerate(lines) if line.startswith("    renames "))
        assert (
            lines[place] == "    renames 100 rows of project_equipment_groups: (name, project_id) must be unique again"
        )
        assert lines[place + 1].endswith(' becomes "Backline (band)"')
        assert lines[place + 21] == "        and 80 more"

    @on_each_version
    def test_names_rows_that_move_out_by_their_values(self, version: int) -> None:
        lines = list(rollback_lines(plans.resolved("used", version, on_conflict="quarantine")))

        place = next(number for number, line in enumerate(lines) if line.startswith("    moves "))
        assert "100 rows of project_equipment_groups into the quarantine" in lines[place]
        assert lines[place + 1].startswith("        (Backline, ")
        assert lines[place + 1].endswith(" in default, band, trio")
        assert lines[place + 21] == "        and 30 more"

    def test_one_row_is_one_row_and_all_that_are_shown_have_no_more(self) -> None:
        found = plans.resolved("used", on_conflict="rename")
        (conflict,) = found.conflicts
        one = replace(conflict, rows=1, names=conflict.names[:1], count=1, first=conflict.first[:1])

        for how in ("rename", "quarantine"):
            lines = list(rollback_lines(replace(found, conflicts=(one,), on_conflict=how)))
            assert any(" 1 row of project_equipment_groups" in line for line in lines)
            assert not any(line.startswith("        and ") for line in lines)

    @on_each_version
    def test_names_what_others_built_and_is_made_again(self, version: int) -> None:
        lines = list(rollback_lines(plans.resolved("extended-policy", version, keeps=True)))

        assert "    drops policy project_roles.theirs, to make it again on the way forward" in lines
        # A permissive policy that goes lets nobody see more.
        assert not any("this policy restricts" in line for line in lines)

    def test_warns_where_more_rows_can_be_seen_meanwhile(self) -> None:
        found = plans.resolved("extended-policy", keeps=True)
        (kept,) = found.kept
        made = tuple(one.replace("AS PERMISSIVE", "AS RESTRICTIVE") for one in kept.statements)
        assert made != kept.statements

        lines = list(rollback_lines(replace(found, kept=(replace(kept, statements=made),))))

        assert any("this policy restricts: without it more rows can be seen" in line for line in lines)

    def test_what_goes_by_itself_is_not_told_as_dropped(self) -> None:
        found = plans.resolved("second-applied")
        assert all(isinstance(one, KeptObject) and one.gone == "" for one in found.kept)

        assert not any(line.startswith("    drops ") for line in rollback_lines(found))

    @on_each_version
    def test_names_what_was_there_before_and_was_taken_over(self, version: int) -> None:
        lines = list(rollback_lines(plans.rollback("adopted-6", version)))

        assert any(
            line.startswith("    takes table project_variants back too, which was there before") for line in lines
        )
        assert not any(" back too" in line for line in rollback_lines(plans.rollback("applied-6", version)))

    @on_each_version
    def test_says_that_a_damaged_registry_is_renamed(self, version: int) -> None:
        lines = list(rollback_lines(plans.rollback("registry-table-lost", version)))

        assert any("damaged registry" in line and "(events)" in line for line in lines)


CHECKS = (
    Check(Verdict.PASS, "verify", MIGRATIONS[1].name),
    Check(Verdict.WARN, "drift", "view theirs", "view theirs as SELECT 1", "nothing of that name", "DROP VIEW theirs"),
    Check(Verdict.PASS, "query", "page", "12 buffers"),
    Check(Verdict.FAIL, "drift", "index a", "missing", "index a ...", "CREATE INDEX a\n    ON b (c)"),
)


class TestValidation:
    def test_the_worst_stands_first_with_all_that_is_known(self) -> None:
        assert list(validation_lines(CHECKS)) == [
            "FAIL  drift: index a",
            "      found missing",
            "      expected index a ...",
            "      next: CREATE INDEX a",
            "                ON b (c)",
            "WARN  drift: view theirs",
            "      found view theirs as SELECT 1",
            "      expected nothing of that name",
            "      next: DROP VIEW theirs",
            f"PASS  verify: {NAMES[1]}",
            "PASS  query: page: 12 buffers",
            "1 FAIL, 1 WARN, 2 PASS",
        ]

    def test_those_that_passed_can_be_left_out_and_are_counted(self) -> None:
        lines = list(validation_lines(CHECKS, passed=False))

        assert not any(line.startswith("PASS") for line in lines)
        assert lines[-1] == "1 FAIL, 1 WARN, 2 PASS"

    def test_without_a_check_there_is_a_verdict(self) -> None:
        assert list(validation_lines([])) == ["0 FAIL, 0 WARN, 0 PASS"]

    def test_without_a_hint_there_is_no_next(self) -> None:
        lines = list(validation_lines([replace(CHECKS[1], hint="")]))

        assert not any("next:" in line for line in lines)
