"""What others see of migrate.py while it runs and afterwards: no password, no script."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import leftovers
from tests.conftest import first
from tests.docker.hosts import DockerHost
from tests.support.cli import MIGRATE, Site
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance


class TestSecrets:
    @pytest.fixture
    def logged(self, host: DockerHost, stage: Database) -> Iterator[str]:
        """The server logs every statement; yields the path of its log."""
        path = "/srv/postgresql/log/server.log"
        stage.run("ALTER SYSTEM SET log_statement = 'all'")
        stage.run("SELECT pg_reload_conf()")
        wait_for(lambda: stage.value("SHOW log_statement") == "all", what="the server logs statements")
        yield path
        stage.run("ALTER SYSTEM RESET log_statement")
        stage.run("SELECT pg_reload_conf()")

    @first(1)
    @pytest.mark.parametrize("connector", ["ssh", "docker"])
    def test_the_password_shows_nowhere(
        self, site: Site, host: DockerHost, stage: Database, logged: str, connector: str
    ) -> None:
        password = f"hush-{secrets.token_hex(8)}"
        stage.run(f"DROP ROLE IF EXISTS keeper; CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{password}'")
        host.run("truncate", "--size=0", logged)
        data = {"pg_host": "127.0.0.1", "pg_user": "keeper"}
        if connector == "docker":
            target, environment = site.docker(host, _sudo=False, **data, pg_password=password), {}
        else:
            target = site.ssh(host, *(f"{name}={value}" for name, value in data.items()))
            environment = {"PGMIGRATE_STAGING_PASSWORD": password}
        seen: list[str] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.05):
                seen.append(host.run("sh", "-c", "ps axww -o args; cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            backup = ("--data", "pg_skip_backup=false", "--data", "pg_backup_dir=/tmp/hushed")
            ended = site.run("-y", "-vvv", "--debug", target, MIGRATE, *backup, **environment)
        finally:
            over.set()
            watcher.join()

        assert ended.status == 0, ended.output
        assert any("psql" in processes for processes in seen)
        assert not [processes for processes in seen if password in processes]
        assert password not in ended.output
        log = host.run("cat", logged)
        assert "pgmigrate.events" in log
        assert password not in log
        assert password not in str(stage.rows("SELECT * FROM pgmigrate.events")) + str(
            stage.rows("SELECT * FROM pgmigrate.runs")
        )
        assert any("pg_restore" in processes for processes in seen)
        host.run("sh", "-c", f"! grep -r {password} /tmp/hushed && rm -rf /tmp/hushed")
        assert leftovers(host) == []

    def test_the_script_is_private_while_it_runs(self, site: Site, host: DockerHost, stage: Database) -> None:
        target = site.docker(host)
        modes: set[str] = set()
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.05):
                found = host.run(
                    "sh",
                    "-c",
                    "find /tmp -name 'pgmigrate.*' -printf '%m %u\\n' -o -path '*/pgmigrate.*/*' -printf '%m %u\\n' 2>/dev/null || true",
                )
                modes.update(found.splitlines())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            site.run("-y", target, MIGRATE)
        finally:
            over.set()
            watcher.join()

        assert modes == {"700 postgres", "600 postgres"}
