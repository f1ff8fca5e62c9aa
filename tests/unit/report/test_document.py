"""The report of a run as data, without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.application.queries import Query
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.execution.outcome import Outcome
from pyinfra_pgmigrate.execution.steps import steps_of
from pyinfra_pgmigrate.execution.trace import Ran, traces_of
from pyinfra_pgmigrate.host.events import Span
from pyinfra_pgmigrate.rehearsal.moments import Held, Row, Table, Works
from pyinfra_pgmigrate.report.findings import HostState, Stage
from pyinfra_pgmigrate.report.journal import Event, Journal, Line, LookedAfter
from pyinfra_pgmigrate.validation.query_cost import Measured, Measurement, Node, Terms, compare
from pyinfra_pgmigrate.validation.query_cost import Table as DataTable
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support import plans
from tests.support.captured import observed
from tests.support.contents import RUN
from tests.support.migrations import NAMES
from tests.unit.backup.test_store import manifest
from tests.unit.report.journals import journal, one_host, page_of, whole


class TestRun:
    def test_says_who_ran_what_and_when(self) -> None:
        found = whole(journal(), journal("web-2"))

        assert found["run"] == {
            "id": RUN.run_id,
            "deploys": ["Migrate database"],
            "stage": "ended",
            "began_at": "1970-01-01T00:00:00Z",
            "written_at": "1970-01-01T00:01:01Z",
            "duration_s": 61.5,
            "operator": "tester",
            "controller": "here",
            "tool_version": "0",
        }

    @pytest.mark.parametrize(
        ("hosts", "expected"),
        [
            ({}, "ok"),
            ({"web-2": HostState.FAILED}, "failed"),
            ({"web-2": HostState.UNREACHED}, "unreached"),
            ({"web-1": HostState.FAILED, "web-2": HostState.UNREACHED}, "failed"),
        ],
    )
    def test_is_as_good_as_its_worst_host(self, hosts: dict[str, HostState], expected: str) -> None:
        assert whole(journal(), journal("web-2"), hosts=hosts)["verdict"] == expected

    def test_names_a_host_that_was_never_reached(self) -> None:
        found = whole(journal(), hosts={"web-9": HostState.UNREACHED, "web-8": HostState.GOOD})

        assert [(one["name"], one["database"], one["verdict"]) for one in found["hosts"]] == [
            ("web-9", None, "unreached"),
            ("web-1", "shop", "ok"),
        ]
        assert found["hosts"][0]["findings"][0]["next"].startswith("See why: ")

    def test_a_host_that_failed_before_anything_was_noted_makes_the_run_fail(self) -> None:
        found = whole(journal(), hosts={"web-9": HostState.FAILED})

        assert found["verdict"] == "failed"
        assert [(one["name"], one["verdict"]) for one in found["hosts"]] == [("web-9", "failed"), ("web-1", "ok")]

    def test_the_worst_comes_first_and_among_equals_the_inventory_s_order(self) -> None:
        found = whole(*map(journal, ("d", "c", "b", "a")), hosts={"b": HostState.FAILED})

        assert [one["name"] for one in found["hosts"]] == ["b", "d", "c", "a"]

    def test_without_a_host_is_ok(self) -> None:
        assert whole()["verdict"] == "ok"


class TestHost:
    def test_each_migration_is_told_as_it_was_found(self) -> None:
        first, *_, last = one_host(journal())["migrations"]

        assert (first["version"], first["name"], first["found"], first["action"]) == (1, NAMES[0], "pending", "apply")
        assert (first["statements"], first["how"], first["applied_at"]) == ([1, 2, 3, 4, 5], None, None)
        assert last["version"] == 6
        assert {first["now"], last["now"]} == {"pending"}
        held = one_host(journal(state="applied-6"))["migrations"][0]
        assert (held["found"], held["action"], held["how"]) == ("applied", "none", "applied")
        assert held["now"] == "applied"
        assert (held["applied_at"], held["applied_by"]) == ("2026-01-01T00:00:00Z", "operator")

    def test_the_server_is_told(self) -> None:
        assert one_host(journal())["server"] == {
            "version": "18",
            "kind": "primary",
            "role": "postgres",
            "size_bytes": 8192,
        }
        assert one_host(Journal("web-1", "shop"))["server"] is None

    def test_what_happened_in_a_phase_stands_within_it(self) -> None:
        found = journal()
        found.events = [
            Event(Span.STEP, "late", 5.0, 1.0, on_copy=True),
            Event(Span.PHASE, "Rehearse", 1.0, 3.0),
            Event(Span.PHASE, "Migrate", 4.0, None),
            Event(Span.LOCK, "second", 2.00049, 0.5, "held", ended_well=False),
            Event(Span.STEP, "first", 1.0, 0.5),
        ]

        rehearsal, migration = one_host(found)["timeline"]

        assert [one["title"] for one in rehearsal["events"]] == ["first", "second"]
        assert [one["title"] for one in migration["events"]] == ["late"]
        assert (migration["duration_s"], migration["kind"]) == (None, "phase")
        assert rehearsal["events"][1] == {
            "kind": "lock",
            "title": "second",
            "start_s": 2.0,
            "duration_s": 0.5,
            "detail": "held",
            "on_copy": False,
            "ended_well": False,
        }

    def test_predicted_and_real_lines_stand_side_by_side(self) -> None:
        found = journal(state="applied-5")
        assert found.plan is not None
        (decision,) = found.plan.changes
        (gone,) = decision.patch.minus
        found.actual = Patch(frozenset(), frozenset({"view theirs"}))

        assert one_host(found)["patch"] == [
            {"sign": "-", "line": gone, "predicted": True, "happened": False},
            {"sign": "+", "line": "view theirs", "predicted": False, "happened": True},
        ]

    def test_lines_that_one_migration_makes_and_a_later_one_takes_away_are_not_told(self) -> None:
        found = journal(state="hand-6")
        assert found.plan is not None
        first, second, *_ = found.plan.changes
        made, left = frozenset({"table a", "table b"}), frozenset({"table b"})
        decisions = (replace(first, patch=Patch(plus=made)), replace(second, patch=Patch(minus=left)))
        found.plan = replace(found.plan, decisions=decisions)

        assert [one["line"] for one in one_host(found)["patch"]] == ["table a"]

    def test_a_rollback_is_told_with_what_it_keeps(self) -> None:
        found = journal(state="applied-6")
        found.plan, found.rollback = None, plans.rollback("applied-6")
        host = one_host(found)

        assert host["rollback"]["scripts"] == ["rollback_variants"]
        assert host["rollback"]["migrations"] == list(reversed(NAMES))
        assert host["rollback"]["tables_kept"] == ["project_variants"]
        assert "project_roles.variant_name" in host["rollback"]["columns_kept"]
        assert {one["line"] for one in host["patch"] if one["sign"] == "-"} == found.rollback.patch.minus

    def test_a_statement_is_told_as_predicted_rehearsed_and_run(self) -> None:
        found = journal()
        step = steps_of(plans.decision("legacy", 1), ends_run=True)[0]
        outcome = Outcome("done", durations=((1, 7), (2, 9)), added=step.patch.plus)
        first, second = traces_of(step, outcome)
        found.rehearsed, found.traces = (second, first), [replace(first, locks=None, size_bytes=8192)]

        told, only_rehearsed = one_host(found)["statements"]

        assert (told["number"], told["words"]) == (1, first.effect.words)
        assert told["predicted"] == {
            "lines": 1,
            "locks": ["AccessExclusiveLock on project_equipment_groups"],
            "rewrites": [],
        }
        assert (told["rehearsed"]["duration_ms"], told["rehearsed"]["lines"]) == (7, 1)
        assert (told["run"]["size_bytes"], told["run"]["locks"]) == (8192, None)
        assert (only_rehearsed["number"], only_rehearsed["run"]) == (2, None)

    def test_what_the_application_does_is_told_by_moment(self) -> None:
        found = journal()
        row = Row("add", "add one", (Works.WORKS, Works.FAILS), ("", "no column"))
        found.uses = Table(("", NAMES[0]), (row,), (Held("add", 1, "0A000", "cached plan", "00000", "00000"),), "late")

        told = one_host(found)["compatibility"]

        assert told["moments"] == ["before", NAMES[0]]
        assert told["uses"] == [
            {"name": "add", "purpose": "add one", "states": ["works", "fails"], "reasons": ["", "no column"]}
        ]
        assert (told["prepared"][0]["sqlstate"], told["prepared"][0]["moment"], told["lack"]) == ("0A000", 1, "late")
        found.uses = Table(("",), ())
        assert one_host(found)["compatibility"] is None

    def test_queries_are_told_before_and_after(self) -> None:
        found = journal()
        query = Query("page", "show a page", None, "", "SELECT 1", "c")
        scan = Measurement((), 12, 0, 5, 0.25049, (Node("Seq Scan", "groups"),), (DataTable("groups", 12, ()),))
        found.queries = compare([query], [Measured("page", scan, first=None)], Terms(2.0, is_kept=True, failed={}))

        (told,) = one_host(found)["queries"]

        assert (told["name"], told["purpose"], told["verdict"], told["before"]) == ("page", "show a page", "PASS", None)
        assert told["after"] == {
            "at": "",
            "buffers": 12,
            "rows": 5,
            "duration_ms": 0.25,
            "plan": "Seq Scan on groups",
        }

    def test_checks_backup_and_log_are_told_as_they_were(self) -> None:
        found = journal()
        found.checks = (Check(Verdict.WARN, "drift", "view a", "there", "not there", "DROP VIEW a"),)
        found.backup = manifest(1, sums={"files.sha256": "abc"})
        found.lines = [Line(1.23456, "a line", is_error=True)]
        found.not_applicable = {"queries/a.sql": "queries/a.sql does not apply"}
        host = one_host(found)

        assert host["checks"] == [
            {
                "verdict": "WARN",
                "name": "drift",
                "object": "view a",
                "found": "there",
                "expected": "not there",
                "next": "DROP VIEW a",
            }
        ]
        assert host["verdict"] == "warnings"
        assert (host["backup"]["label"], host["backup"]["verification"]) == ("stage.1", "restore")
        assert (host["backup"]["notes"], host["backup"]["sums"]) == (["a note"], {"files.sha256": "abc"})
        assert host["log"] == [{"at_s": 1.235, "text": "a line", "is_error": True}]
        assert host["not_applicable"] == ["queries/a.sql does not apply"]
        bare = one_host(journal())
        assert (bare["checks"], bare["backup"], bare["rollback"]) == (None, None, None)

    def test_what_was_kept_before_is_told_as_it_was_found(self) -> None:
        (first, *_) = one_host(journal(state="rolled-back"))["quarantines"]

        assert set(first) == {"run", "at", "object", "kind", "rows", "size_bytes"}

    def test_says_what_is_applied_now_also_where_the_run_failed_on_the_way(self) -> None:
        cut_off, ended = journal(), journal()
        cut_off.hear(Ran(Patch(), (), 1))
        cut_off.hear(Ran(Patch(), ()))
        ended.hear(LookedAfter(observed(18, "applied-4")))

        assert [one["now"] for one in one_host(cut_off)["migrations"]] == ["applied"] + ["pending"] * 5
        assert [one["now"] for one in one_host(ended)["migrations"]] == ["applied"] * 4 + ["pending"] * 2
        assert "Migrations: 1 of 6 applied so far<" in page_of(cut_off, stage=Stage.INTERRUPTED)
        assert "Migrations: 4 of 6 applied<" in page_of(ended)
