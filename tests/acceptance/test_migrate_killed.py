"""migrate.py after a run that was killed: controller, psql or backend, the next one ends what it began."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import leftovers
from tests.conftest import Machines
from tests.docker.hosts import DockerHost
from tests.support.cli import MIGRATE, Site
from tests.support.migrations import record
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance

SLOW = {
    "001_first": "CREATE TABLE first (id integer);",
    "002_slow": "CREATE TABLE slow (id integer);\nSELECT pg_sleep(3);\nCREATE TABLE slower (id integer);",
    "003_index": "CREATE INDEX CONCURRENTLY first_id ON first (id);",
    "004_last": "INSERT INTO first VALUES (1);",
}


class TestKilled:
    @pytest.fixture(scope="class")
    @staticmethod
    def recorded(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The folder of the migrations."""
        folder = tmp_path_factory.mktemp("slow")
        for name, text in SLOW.items():
            phase = "data" if name == "004_last" else "schema"
            (folder / f"{name}.sql").write_text(f"-- purpose: {name}\n-- phase: {phase}\n\n{text}\n")
        record(folder, machines.server(18))
        return folder

    @pytest.fixture
    def slow(self, site: Site, machines: Machines, host: DockerHost, recorded: Path) -> Iterator[tuple[Database, str]]:
        """A database and an inventory whose second migration takes three seconds."""
        with machines.server(host.version).database("empty") as database:
            yield database, site.reach(host, pg_database=database.name, pg_sql_dir=str(recorded))

    def at_work(self, database: Database) -> bool:
        """Whether the slow statement runs right now."""
        return bool(
            database.rows(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
                " AND application_name LIKE 'pgmigrate %%'".replace("%%", "%")
            )
        )

    def finished(self, database: Database) -> None:
        assert database.rows("SELECT version, how FROM pgmigrate.migrations ORDER BY 1") == [
            (version, "applied") for version in range(1, 5)
        ]
        assert database.value("SELECT count(*) FROM first") == 1
        assert database.rows(
            "SELECT version, count(*) FROM pgmigrate.events WHERE event = 'applied' GROUP BY 1 ORDER BY 1"
        ) == [(version, 1) for version in range(1, 5)]

    def test_the_run_after_a_killed_controller_finishes(
        self, site: Site, host: DockerHost, slow: tuple[Database, str]
    ) -> None:
        database, target = slow
        first = site.start("-y", target, MIGRATE)
        wait_for(lambda: self.at_work(database), what="the slow statement", seconds=30)
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()

        second = site.run("-y", target, MIGRATE)

        assert second.status == 0, second.output
        assert "another run is at work here" in second.output
        self.finished(database)
        assert leftovers(host) == []

    def test_the_run_after_a_killed_psql_finishes(
        self, site: Site, host: DockerHost, slow: tuple[Database, str]
    ) -> None:
        database, target = slow
        first = site.start("-y", target, MIGRATE)
        wait_for(lambda: self.at_work(database), what="the slow statement", seconds=30)
        host.run("sh", "-c", "pkill -9 -f -- '--file=/tmp/pgmigrate[.]'")
        output, _ = first.communicate(timeout=60)

        assert first.returncode == 1
        assert "lost contact with psql while applying migration" in output
        assert "(exit status 137)" in output
        assert "Run again" in output
        assert database.value("SELECT to_regclass('slow') IS NULL")

        second = site.run("-y", target, MIGRATE)

        assert second.status == 0, second.output
        self.finished(database)
        assert leftovers(host) == []

    def test_the_run_after_a_killed_backend_finishes(
        self, site: Site, host: DockerHost, slow: tuple[Database, str]
    ) -> None:
        database, target = slow
        first = site.start("-y", target, MIGRATE)
        wait_for(lambda: self.at_work(database), what="the slow statement", seconds=30)
        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        output, _ = first.communicate(timeout=60)

        assert first.returncode == 1
        assert "lost contact with psql while applying migration" in output
        assert site.run("-y", target, MIGRATE).status == 0
        self.finished(database)
