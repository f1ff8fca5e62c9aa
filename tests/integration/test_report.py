"""The report of a run: what report.json says is what happened, and the page shows it and needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.harness import Result, migrate, rollback, status, validate
from tests.support.migrations import MIGRATIONS, NAMES, copied, record
from tests.support.servers import ROOT, Database

pytestmark = pytest.mark.usefixtures("one_by_one")

VOID = {"meta", "br", "rect"}


class _Page(HTMLParser):
    """Reads a page: its words, its open elements, and whatever it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens an element; one that loads something is kept."""
        if tag not in VOID:
            self.open.append(tag)
        self.fetched += [
            f"{name}={value}" for name, value in attrs if name in ("src", "href") and str(value)[:1] != "#"
        ]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "img") else []

    def handle_endtag(self, tag: str) -> None:
        """Closes the element that was opened last."""
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        """Keeps what is to be read."""
        if "style" not in self.open:
            self.words.append(data)


def page_of(result: Result) -> str:
    """Returns the words of a report's page, which is whole and fetches nothing."""
    if result.page is None:
        raise LookupError(result.text)
    text = result.page.read_text()
    page = _Page()
    page.feed(text)
    assert (page.wrong, page.open, page.fetched) == ([], [], [])
    assert not re.search(r"url\(|@import|https?:", text)
    return " ".join(" ".join(page.words).split())


def document_of(result: Result) -> Any:
    """Returns what is in report.json."""
    if result.page is None:
        raise LookupError(result.text)
    return json.loads(result.page.with_name("report.json").read_text())


@pytest.fixture
def reported(legacy: Database, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Returns settings with which reports and backups go into a folder of the test."""

    def settings(**more: Any) -> dict[str, Any]:
        kept = {"pg_report": True, "pg_measure": "changes", "pg_report_dir": str(tmp_path / "reports")}
        backups = {"pg_skip_backup": False, "pg_backup_dir": str(tmp_path / "backups")}
        return legacy.settings(**{**kept, **backups, **more})

    return settings


def test_a_run_is_told_as_it_was(legacy: Database, reported: Callable[..., dict[str, Any]]) -> None:
    legacy.run("ANALYZE")
    before = legacy.catalog()

    result = migrate(reported())

    assert result.ok, result.text
    found = document_of(result)
    (host,) = found["hosts"]
    assert (found["verdict"], host["verdict"], found["run"]["stage"]) == ("warnings", "warnings", "ended")
    assert (host["name"], host["database"], host["server"]["kind"]) == ("@local", legacy.name, "primary")
    assert [one["title"] for one in host["timeline"]] == ["Backup and rehearsal", *NAMES, "Validation"]
    ends = [one["start_s"] + one["duration_s"] for one in host["timeline"]]
    assert all(end <= after["start_s"] + 0.001 for end, after in zip(ends, host["timeline"][1:], strict=False))
    on_copy = [one["on_copy"] for one in host["timeline"][0]["events"]]
    assert on_copy
    assert all(on_copy)
    assert [one["title"] for one in host["timeline"][2]["events"]] == [f"{NAMES[1]}, statement 1 to 8"]

    real = before.difference(legacy.catalog())
    told = {(one["sign"], one["line"]) for one in host["patch"] if one["happened"]}
    assert told >= {("+", line) for line in real.plus if line.split()[0] in ("column", "index", "table")}
    assert all(one["predicted"] == one["happened"] for one in host["patch"] if one["line"].split()[0] != "owner")
    statements = [(one["migration"], one["number"]) for one in host["statements"]]
    assert len(statements) == len(set(statements)) == sum(len(one.statements) for one in MIGRATIONS)
    assert all(one["rehearsed"]["lines"] == one["run"]["lines"] == one["predicted"]["lines"]
               for one in host["statements"])  # fmt: skip
    assert host["backup"]["verification"] == "restore"
    assert host["backup"]["rows"] >= legacy.value("SELECT count(*) FROM project_roles") > 0
    assert {one["verdict"] for one in host["checks"]} == {"PASS", "WARN"}
    assert all(one["next"] for one in host["findings"])

    words = page_of(result)
    for text in ("Done, with warnings", legacy.name, *NAMES, "restored on PostgreSQL", host["backup"]["label"]):
        assert text in words


def test_the_backup_of_the_very_first_run_is_in_the_registry_too(
    legacy: Database, reported: Callable[..., dict[str, Any]]
) -> None:
    result = migrate(reported())

    label = document_of(result)["hosts"][0]["backup"]["label"]
    assert legacy.rows("SELECT label, verification FROM pgmigrate.backups") == [(label, "restore")]
    assert "no verified backup" not in status(reported()).text
    assert migrate(reported()).changed == []


def test_a_run_that_fails_says_where_and_what_next(
    legacy: Database, reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    (folder / "006_release_group_name_rule.sql").write_text("-- purpose: <b>x</b>\n-- phase: schema\nSELECT 1;\n")

    result = migrate(reported(pg_sql_dir=str(folder), pg_skip_backup=True))

    assert not result.ok
    found = document_of(result)
    (host,) = found["hosts"]
    assert found["verdict"] == "failed"
    assert host["findings"][0]["verdict"] == "FAIL"
    assert host["findings"][0]["next"] == result.refusals[0].splitlines()[-1].removeprefix("HINT: ")
    assert "Failed" in page_of(result)
    assert result.page is not None
    assert "<b>" not in result.page.read_text()
    assert "&lt;b&gt;x&lt;/b&gt;" in result.page.read_text()


def test_a_statement_that_fails_is_on_the_timeline(
    legacy: Database, reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    (folder / "007_one_name.sql").write_text(
        "-- purpose: one name for all\n-- phase: schema\n"
        "-- safe: blocking-constraint because it is to fail\n"
        "ALTER TABLE project_roles ADD CONSTRAINT never CHECK (daily_rate < 0);\n"
    )
    record(folder, legacy.server)

    result = migrate(reported(pg_sql_dir=str(folder), pg_skip_backup=True))

    (host,) = document_of(result)["hosts"]
    (failed,) = [one for phase in host["timeline"] for one in phase["events"] if not one["ended_well"]]
    assert (failed["kind"], failed["title"]) == ("step", "007_one_name, statement 1")
    assert "never" in failed["detail"]
    assert [one["title"] for one in host["timeline"] if not one["ended_well"]] == ["007_one_name"]
    odd = [one["line"] for one in host["patch"] if one["predicted"] and not one["happened"]]
    assert len(odd) == 1
    assert odd[0].startswith("constraint project_roles.never ")
    assert "did not happen" in page_of(result)


def test_a_wait_for_a_lock_is_on_the_timeline_with_whom_it_waited_for(
    legacy: Database, reported: Callable[..., dict[str, Any]]
) -> None:
    with psycopg.connect(**{**legacy.server.conninfo, "dbname": legacy.name}, application_name="nightly") as holder:
        holder.execute("LOCK TABLE project_roles IN ACCESS SHARE MODE")

        result = migrate(reported(pg_skip_backup=True, pg_lock_budget_s=1, pg_lock_poll_s=0.2))

    (host,) = document_of(result)["hosts"]
    waits = [one for phase in host["timeline"] for one in phase["events"] if one["kind"] == "lock"]
    assert len(waits) >= 2
    assert all("nightly" in one["detail"] and one["duration_s"] >= 0.2 for one in waits)
    assert "nightly" in page_of(result)


def test_a_plan_alone_says_that_nothing_was_run(legacy: Database, reported: Callable[..., dict[str, Any]]) -> None:
    result = migrate(reported(), execute=False)

    found = document_of(result)
    assert found["verdict"] == "planned"
    assert all(one["predicted"] and not one["happened"] for one in found["hosts"][0]["patch"])
    assert len(found["hosts"][0]["patch"]) > 20
    assert "Nothing was run" in page_of(result)
    assert "did not happen" not in page_of(result)


class TestAfterwards:
    """What is told of a database that is migrated already."""

    @pytest.fixture
    def legacy(self, applied: Database) -> Database:
        return applied

    def test_a_second_run_finds_all_well(self, legacy: Database, reported: Callable[..., dict[str, Any]]) -> None:
        result = migrate(reported())

        found = document_of(result)
        assert (found["verdict"], found["hosts"][0]["patch"], found["hosts"][0]["timeline"]) == ("ok", [], [])
        assert "All is well" in page_of(result)

    def test_a_rollback_shows_what_went_and_what_it_keeps(
        self, legacy: Database, reported: Callable[..., dict[str, Any]]
    ) -> None:
        result = rollback(reported(pg_skip_backup=True))

        (host,) = document_of(result)["hosts"]
        assert host["rollback"]["migrations"] == NAMES[::-1]
        (finding,) = host["findings"]
        assert finding["subject"] == f"the quarantine of run {document_of(result)['run']['id'][:8]}"
        gone = {one["line"] for one in host["patch"] if one["sign"] == "-" and one["happened"]}
        assert any(line.startswith("table project_variants") for line in gone)
        assert "Taken back" in page_of(result)
        kept = document_of(status(reported()))["hosts"][0]
        assert kept["quarantines"][0]["object"] == "project_variants"
        assert any("pg_quarantine_drop=" in one["next"] for one in kept["findings"])
        back = document_of(migrate(reported(pg_skip_backup=True)))["hosts"][0]
        assert not any("pg_quarantine_drop=" in one["next"] for one in back["findings"])

    def test_a_check_that_fails_is_the_first_finding(
        self, legacy: Database, reported: Callable[..., dict[str, Any]]
    ) -> None:
        legacy.run("DROP TRIGGER set_group_price ON project_equipment")

        result = validate(reported())

        (host,) = document_of(result)["hosts"]
        assert host["verdict"] == "failed"
        assert host["findings"][0]["verdict"] == "FAIL"
        assert "set_group_price" in host["findings"][0]["subject"]

    def test_what_other_hands_changed_is_a_finding_with_what_mends_it(
        self, legacy: Database, reported: Callable[..., dict[str, Any]]
    ) -> None:
        assert document_of(status(reported()))["verdict"] == "ok"
        legacy.run("DROP INDEX idx_projects_owner")

        seen, checked = document_of(status(reported())), document_of(validate(reported()))

        (finding,) = seen["hosts"][0]["findings"]
        assert (seen["verdict"], finding["verdict"]) == ("warnings", "WARN")
        assert finding["subject"] == "drift: index idx_projects_owner"
        assert finding["next"].startswith("CREATE INDEX CONCURRENTLY idx_projects_owner ")
        # There it is a check that fails, and told once.
        assert sum("idx_projects_owner" in one["subject"] for one in checked["hosts"][0]["findings"]) == 1


def test_every_key_is_in_the_reference(legacy: Database, reported: Callable[..., dict[str, Any]]) -> None:
    page = (ROOT / "docs" / "reference" / "report-json.md").read_text()
    documented = set(re.findall(r"`(\w+)`", page.split("\n## Keys", 1)[1]))

    result = migrate(reported())
    assert migrate(reported(pg_skip_backup=True)).ok

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if isinstance(value, dict):
            # The names of files, not keys of the format.
            return set(value) | set().union(*(keys(one) for name, one in value.items() if name != "sums"))
        return set()

    assert keys(document_of(result)) - documented == set()
