"""What a rollback refuses before anything is changed."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.support.application import application, same
from tests.support.contents import contents_of
from tests.support.harness import rollback
from tests.support.migrations import copied
from tests.support.servers import Database
from tests.support.transactions import QUICK, open_transaction
from tests.support.writers import Writers, longest_stall_s


class TestRefusals:
    def test_rows_that_break_the_rule_are_listed_before_anything_is_done(self, applied: Database) -> None:
        project = applied.value("SELECT id FROM projects LIMIT 1")
        for variant in ("trio", "band"):
            applied.session.execute(
                "INSERT INTO project_equipment_groups (project_id, name, variant_name) VALUES (%s, 'Backline 2', %s)",
                [project, variant],
            )
        before = contents_of(applied)

        result = rollback(applied.settings())

        assert not result.ok
        (refusal,) = result.refusals
        assert (
            "1 duplicate (name, project_id) value in table project_equipment_groups would violate the unique rule"
            in refusal
        )
        assert f"(Backline 2, {project}) in band, trio" in refusal
        assert "--data pg_on_conflict=rename" in refusal
        assert contents_of(applied) == before

    def test_a_view_on_what_goes_is_named_and_not_dropped(self, applied: Database) -> None:
        applied.run("CREATE VIEW theirs AS SELECT * FROM project_variants")
        before = application(applied)

        result = rollback(applied.settings())

        assert not result.ok
        assert (
            "cannot roll back: 1 object created outside these migrations depends on objects that would be dropped"
            in result.refusals[0]
        )
        assert "Found view theirs; expected nothing" in result.refusals[0]
        assert same(before, applied) == []
        assert applied.value("SELECT count(*) FROM pgmigrate.migrations") == 6

    def test_an_index_that_would_go_unnoticed_with_its_column_is_named(self, applied: Database) -> None:
        applied.run("CREATE INDEX theirs ON project_roles (variant_name)")
        before = application(applied)

        result = rollback(applied.settings())

        assert not result.ok
        assert "Found index theirs; expected nothing" in result.refusals[0]
        assert same(before, applied) == []

    def test_a_target_within_a_script_is_refused(self, applied: Database) -> None:
        result = rollback(applied.settings(pg_target=3))

        assert not result.ok
        assert "no script reverts migration 004_validate_migration alone" in result.refusals[0]

    def test_a_blocker_is_named_and_nothing_changed(self, applied: Database) -> None:
        before = application(applied)

        with open_transaction(applied, "SELECT 1 FROM project_roles"):
            result = rollback(applied.settings(**QUICK, pg_lock_budget_s=1))

        assert not result.ok
        assert 'could not apply rollback script "rollback_variants": no lock on' in result.refusals[0]
        assert "night report" in result.refusals[0]
        assert same(before, applied) == []
        assert rollback(applied.settings()).ok

    @pytest.mark.parametrize("server", [17], indirect=True, ids=["pg17"])
    def test_a_long_transaction_is_waited_for_in_short_tries(self, applied: Database) -> None:
        before = applied.catalog()
        variants = applied.rows("SELECT * FROM project_variants ORDER BY id")
        limits = {"pg_lock_timeout_s": 1.5, "pg_lock_poll_s": 0.2, "pg_lock_budget_s": 6}

        def attempt() -> float:
            with open_transaction(applied, "SELECT 1 FROM project_roles"), Writers(applied, count=4) as clients:
                started = time.monotonic()
                result = rollback(applied.settings(**limits))
                took_s = time.monotonic() - started
            assert "night report" in result.refusals[0]
            assert len(re.findall(r"try [0-9]+: a table is locked by process", result.text)) >= 2
            assert clients.errors == []
            # The transaction stays open for as long as that: an end at all shows that it gave up. The rest is the
            # reading before and the last try, on a machine that may have other things to do.
            assert took_s < limits["pg_lock_budget_s"] + 20
            return clients.longest_s

        # The machine's own stalls come on top.
        limit_s = limits["pg_lock_timeout_s"] + 1
        assert longest_stall_s(attempt, limit_s) < limit_s
        assert applied.catalog() == before
        assert applied.rows("SELECT * FROM project_variants ORDER BY id") == variants
        assert applied.value("SELECT count(*) FROM pgmigrate.quarantines") == 0

    def test_the_name_is_wanted_where_group_data_says_so(self, applied: Database) -> None:
        refused = rollback(applied.settings(pg_needs_confirm=True))
        confirmed = rollback(applied.settings(pg_needs_confirm=True, pg_confirm=applied.name))

        assert "could not roll back database" in refused.refusals[0]
        assert confirmed.ok, confirmed.text

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("-- purpose: x\n\nSELECT 1;\n", 'reverts ""'),
            ("-- purpose: x\n-- reverts: 006-001\n\nSELECT 1;\n", 'reverts "006-001"'),
            ("-- purpose: x\n-- reverts: 001-006\n-- phase: data\n\nSELECT 1;\n", 'the key "phase"'),
            ("-- purpose: x\n-- reverts: 001-006\n\nDROP INDEX CONCURRENTLY a;\n", "runs in one transaction"),
            ("-- purpose: x\n-- reverts: 001-006\n\nBEGIN;\n", "BEGIN is not allowed"),
        ],
    )
    def test_a_script_that_breaks_a_rule_is_refused(
        self, legacy: Database, tmp_path: Path, text: str, problem: str
    ) -> None:
        sql = copied(tmp_path)
        (sql / "rollback_variants.sql").write_text(text)

        with pytest.raises(Exception, match=r"rollback_variants\.sql") as caught:
            rollback(legacy.settings(pg_sql_dir=str(sql)))
        assert problem in str(caught.value)
