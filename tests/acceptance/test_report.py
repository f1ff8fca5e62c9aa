"""The report of a run through the pyinfra command: interrupted, killed, with a host that is not there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.cli import MIGRATE, Site
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance


def local(site: Site, database: Database, **more: Any) -> str:
    """Returns an inventory of this machine alone."""
    return site.write_inventory("here", {"@local": database.settings(pg_report=True, **more)})


def reports(site: Site) -> list[Any]:
    """Returns what the reports say, in the order in which they were begun."""
    return [json.loads(path.read_text()) for path in sorted((site.folder / "reports").glob("*/report.json"))]


def pages(site: Site) -> list[Path]:
    return sorted((site.folder / "reports").glob("*/report.html"))


def test_the_last_line_names_the_page(site: Site, legacy: Database) -> None:
    ended = site.run("-y", local(site, legacy), MIGRATE)

    assert ended.status == 0, ended.output
    (page,) = pages(site)
    assert ended.output.rstrip().endswith(f"--> Report: {page.relative_to(site.folder)}")
    assert reports(site)[0]["verdict"] == "warnings"
    assert "-migrate-" in page.parent.name


@pytest.mark.parametrize(("how", "verdict"), [(signal.SIGINT, "interrupted"), (signal.SIGKILL, "running")])
def test_a_run_that_is_cut_off_leaves_its_report(site: Site, legacy: Database, how: int, verdict: str) -> None:
    # So that the first of its pages, after two seconds, has it already.
    target = local(site, legacy, pg_lock_poll_s=0.1, pg_run_stale_s=3)
    with psycopg.connect(**{**legacy.server.conninfo, "dbname": legacy.name}) as holder:
        holder.execute("LOCK TABLE project_roles IN ACCESS SHARE MODE")
        started = site.start("-y", target, MIGRATE)

        def waits() -> bool:
            return any(event["kind"] == "lock" for one in reports(site) for phase in one["hosts"][0]["timeline"]
                       for event in phase["events"])  # fmt: skip

        wait_for(waits, what="a lock wait in the report", seconds=60)
        os.killpg(started.pid, how)
        started.communicate(timeout=60)

    (found,) = reports(site)
    assert found["verdict"] == verdict
    if how == signal.SIGKILL:
        # Ctrl-C ends psql as well, and what that did is still taken down.
        assert found["hosts"][0]["timeline"][-1]["duration_s"] is None
        assert "cut off" in pages(site)[0].read_text()
    assert site.run("-y", target, MIGRATE).status == 0


def test_all_hosts_are_in_one_report_also_one_that_is_not_there(site: Site, legacy: Database) -> None:
    data = legacy.settings(pg_report=True)
    target = site.write_inventory("two", {"@local": data, "127.0.0.1": {**data, "ssh_port": 1, "ssh_user": "nobody"}})

    ended = site.run("-y", target, MIGRATE)

    assert ended.status == 1
    (found,) = reports(site)
    assert [(host["name"], host["verdict"]) for host in found["hosts"]] == [
        ("127.0.0.1", "unreached"), ("@local", "warnings")
    ]  # fmt: skip
    assert found["verdict"] == "unreached"
    assert "Not reached: 1 of 2" in pages(site)[0].read_text()
    assert found["hosts"][0]["findings"][0]["next"]


def test_no_password_is_in_it(site: Site, legacy: Database) -> None:
    password = "only-here-5b1d"
    site.run("-y", local(site, legacy, pg_password=password), MIGRATE)
    site.run("-y", local(site, legacy, pg_password=password, pg_port=1), MIGRATE)

    assert [found["verdict"] for found in reports(site)] == ["warnings", "failed"]
    assert not [
        path for path in (site.folder / "reports").rglob("*") if path.is_file() and password in path.read_text()
    ]


def test_none_is_written_where_none_is_wanted(site: Site, legacy: Database) -> None:
    ended = site.run("-y", local(site, legacy), MIGRATE, "--data", "pg_report=false")

    assert ended.status == 0, ended.output
    assert not (site.folder / "reports").exists()


def test_a_folder_that_cannot_be_written_stops_no_run(site: Site, legacy: Database) -> None:
    (site.folder / "taken").write_text("a file\n")

    ended = site.run("-y", local(site, legacy, pg_report_dir="taken"), MIGRATE)

    assert ended.status == 0, ended.output
    assert ended.output.count("could not write the report") == 1
    assert legacy.value("SELECT count(*) FROM pgmigrate.migrations") == 6
