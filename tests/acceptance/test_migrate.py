"""migrate.py through the pyinfra command, on dockerized hosts: twice, together, killed, refused."""

from __future__ import annotations

import os
import re
import secrets
import signal
import threading
from collections.abc import Iterator

import pytest
import testinfra

from tests.acceptance.conftest import on_hosts
from tests.conftest import Machines, first
from tests.docker.hosts import DockerHost
from tests.support.cli import Site
from tests.support.migrations import NAMES, record
from tests.support.owners import give_to
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance

MIGRATE = "deploy/migrate.py"
STATUS = "deploy/status.py"


def inventory(site: Site, host: DockerHost, connector: str) -> str:
    return site.docker(host) if connector == "docker" else site.ssh(host)


def leftovers(host: DockerHost) -> list[str]:
    return str(testinfra.get_host(f"docker://{host.name}").check_output("ls -A /tmp")).split()


class TestTwice:
    @on_hosts
    def test_the_first_run_changes_and_the_second_does_not(
        self, site: Site, host: DockerHost, stage: Database, connector: str
    ) -> None:
        target = inventory(site, host, connector)

        first = site.run("-y", target, MIGRATE)

        assert first.status == 0, first.output
        assert first.changed == NAMES
        assert stage.value("SELECT count(*) FROM pgmigrate.migrations") == 6
        assert leftovers(host) == []

        second = site.run("-y", target, MIGRATE)

        assert second.status == 0, second.output
        assert second.results() == {"Check": ("1", "-", "-", "1")}
        assert leftovers(host) == []

    def test_status_shows_it(self, site: Site, host: DockerHost, stage: Database) -> None:
        target = site.docker(host)
        assert "0 of 6 migrations applied" in site.run("-y", target, STATUS).output

        site.run("-y", target, MIGRATE)
        shown = site.run("-y", target, STATUS)

        assert shown.status == 0
        assert "6 of 6 migrations applied" in shown.output
        assert "no drift" in shown.output

    def test_the_dry_run_shows_the_patch_and_check_makes_it_fail(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.docker(host)

        dry = site.run("--dry", target, MIGRATE)
        detailed = site.run("-v", "--dry", target, MIGRATE)
        checked = site.run("--dry", target, MIGRATE, "--data", "pg_check=true")

        assert dry.status == 0
        patch = "+ column project_roles.variant_name text not null default 'default'::text"
        assert "001_add_variant_columns: pending, would run 5 of 5 statements" in dry.output
        assert patch not in dry.output
        assert patch in detailed.output
        assert checked.status == 1
        assert stage.value("SELECT to_regclass('pgmigrate.registry') IS NULL")

        site.run("-y", target, MIGRATE)

        assert site.run("--dry", target, MIGRATE, "--data", "pg_check=true").status == 0

    def test_a_target_with_leading_zeros_is_understood(self, site: Site, host: DockerHost, stage: Database) -> None:
        ended = site.run("-y", site.docker(host), MIGRATE, "--data", "pg_target=002")

        assert ended.changed == NAMES[:2]


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


class TestTogether:
    def test_of_two_runs_one_applies_and_the_other_finds_nothing_to_do(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.docker(host)

        runs = [site.start("-y", target, MIGRATE) for _ in range(2)]
        outputs = [run.communicate(timeout=300)[0] for run in runs]

        assert [run.returncode for run in runs] == [0, 0], outputs
        assert stage.value("SELECT count(DISTINCT run_id) FROM pgmigrate.events") == 1
        assert stage.rows(
            "SELECT version, count(*) FROM pgmigrate.events WHERE event = 'applied' GROUP BY 1 ORDER BY 1"
        ) == [(version, 1) for version in range(1, 7)]

    def test_one_host_that_refuses_does_not_stop_the_others(
        self, site: Site, machines: Machines, host: DockerHost, stage: Database
    ) -> None:
        good = f"@docker/{host.name}"
        bad = f"@docker/{machines.host(15).name}"
        common = {"_sudo": True, "_sudo_user": "postgres", "pg_database": "stage"}
        target = site.write_inventory("two", {good: common, bad: {**common, "pg_database": "no_such"}})

        ended = site.run("-y", target, MIGRATE)

        assert ended.status == 1
        assert f'could not read database "no_such" on host {bad}: no connection' in ended.output
        assert stage.value("SELECT count(*) FROM pgmigrate.migrations") == 6


SLOW = {
    "001_first": "CREATE TABLE first (id integer);",
    "002_slow": "CREATE TABLE slow (id integer);\nSELECT pg_sleep(3);\nCREATE TABLE slower (id integer);",
    "003_index": "CREATE INDEX CONCURRENTLY first_id ON first (id);",
    "004_last": "INSERT INTO first VALUES (1);",
}


class TestKilled:
    @pytest.fixture
    def slow(self, site: Site, machines: Machines, host: DockerHost) -> Iterator[tuple[Database, str]]:
        """A database and an inventory whose second migration takes three seconds."""
        folder = site.folder / "slow"
        folder.mkdir()
        for name, text in SLOW.items():
            phase = "data" if name == "004_last" else "schema"
            (folder / f"{name}.sql").write_text(f"-- purpose: {name}\n-- phase: {phase}\n\n{text}\n")
        record(folder, machines.server(18))
        with machines.server(host.version).database("empty") as database:
            yield database, site.docker(host, pg_database=database.name, pg_sql_dir=str(folder))

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


class TestRefusals:
    """Each in three lines that name the host, with exit status 1."""

    @pytest.mark.parametrize(
        ("data", "message", "hint"),
        [
            pytest.param({"pg_database": "no_such"}, 'FATAL: database "no_such" does not exist', "Correct pg_database", id="database"),
            pytest.param({"_sudo": False, "pg_host": "127.0.0.1", "pg_user": "postgres", "pg_password": "wrong"},
                         "password authentication failed", "Correct pg_user or pg_password", id="password"),
            pytest.param({"_sudo": False, "pg_host": "127.0.0.1", "pg_user": "postgres"},
                         "no password supplied", "Set pg_password", id="no password"),
            pytest.param({"_sudo": False}, "role \"root\" does not exist", "Correct pg_user", id="role"),
            pytest.param({"pg_user": "nobody_known"}, "Peer authentication failed", "set _sudo_user", id="peer"),
            pytest.param({"pg_host": "no.such.host.invalid"}, "could not translate host name", "Correct pg_host", id="name"),
            pytest.param({"pg_host": "127.0.0.1", "pg_port": 6543}, "Connection refused", "pg_isready", id="port"),
            pytest.param({"pg_service": "no_such"}, 'definition of service "no_such" not found', "Correct pg_service", id="service"),
            pytest.param({"pg_bin_dir": "/opt/none/bin"}, "psql is not there", "Install postgresql-client", id="psql"),
            pytest.param({"pg_schema": "no_such"}, 'could not find schema "no_such"', "Correct pg_schema", id="schema"),
            pytest.param({"pg_target": 99}, "could not find migration 099, the target", "Correct --data pg_target", id="target"),
        ],
    )  # fmt: skip
    def test_what_stands_in_the_way_is_told(
        self, site: Site, host: DockerHost, stage: Database, data: dict[str, object], message: str, hint: str
    ) -> None:
        ended = site.run("-y", site.docker(host, **data), MIGRATE)

        flat = re.sub(r"\s+", " ", ended.output)
        assert ended.status == 1
        assert message in flat
        assert hint in flat
        assert "Traceback" not in ended.output
        assert stage.value("SELECT to_regclass('pgmigrate.registry') IS NULL")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("pg_lock_timeout=3", 'cannot use host data key "pg_lock_timeout"'),
            ("pg_phase=later", "cannot use host data key pg_phase"),
            ("pg_sql_dir=nowhere", 'could not open SQL folder "nowhere"'),
        ],
    )
    def test_a_mistake_in_the_settings_stops_all_hosts_before_anything_runs(
        self, site: Site, host: DockerHost, stage: Database, data: str, message: str
    ) -> None:
        ended = site.run("-y", site.docker(host), MIGRATE, "--data", data)

        assert ended.status == 1
        assert message in ended.output
        assert "HINT: " in ended.output
        assert "Traceback" not in ended.output

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "-- purpose: x\n-- phase: schema\n-- colour: red\n\nSELECT 1;",
                "could not read header of 007_x.sql, line 3",
            ),
            (
                "-- purpose: x\n-- phase: schema\n\nBEGIN;\nSELECT 1;",
                "cannot use 007_x.sql, line 4: BEGIN is not allowed",
            ),
            (
                "-- purpose: x\n-- phase: schema\n\n\\d projects",
                "cannot use 007_x.sql, line 4: backslash commands",
            ),
        ],
    )
    def test_a_file_that_breaks_the_rules_is_refused(
        self, site: Site, host: DockerHost, stage: Database, text: str, message: str
    ) -> None:
        folder = site.folder / "own"
        folder.mkdir()
        (folder / "007_x.sql").write_text(text)

        ended = site.run("-y", site.docker(host), MIGRATE, "--data", "pg_sql_dir=own")

        assert ended.status == 1
        assert message in ended.output
        assert "Traceback" not in ended.output

    def test_a_role_without_privileges_is_refused_before_the_first_migration(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        stage.server.administer("DROP ROLE IF EXISTS {}", "app_migrator")
        stage.server.administer("CREATE ROLE {} LOGIN PASSWORD 'secret-of-migrator'", "app_migrator")
        data = {
            "_sudo": False,
            "pg_host": "127.0.0.1",
            "pg_user": "app_migrator",
            "pg_password": "secret-of-migrator",
        }
        before = stage.catalog()

        ended = site.run("-y", site.docker(host, **data), MIGRATE)

        assert ended.status == 1
        assert (
            'cannot apply migration "001_add_variant_columns" as role app_migrator: table project_equipment_groups belongs to postgres'
            in ended.output
        )
        assert "cannot migrate as role app_migrator: it may not create objects in database" in ended.output
        assert stage.catalog() == before
        stage.server.administer("DROP ROLE {}", "app_migrator")

    def test_an_unreachable_host_is_told_and_the_exit_status_is_1(self, site: Site) -> None:
        target = site.write_inventory("away", {"127.0.0.1": {"ssh_port": 1, "pg_database": "stage"}})

        assert site.run("-y", target, MIGRATE).status == 1

    def test_an_inventory_without_hosts_is_refused(self, site: Site) -> None:
        ended = site.run("-y", "inventories/staging.py", MIGRATE)

        assert ended.status == 1
        assert 'could not find any host of inventory "staging"' in ended.output


def test_the_shipped_inventory_connects_as_the_owner_of_the_database(
    site: Site, host: DockerHost, stage: Database
) -> None:
    stage.run("DROP ROLE IF EXISTS stage; CREATE ROLE stage LOGIN PASSWORD 'secret-of-stage' CREATEDB")
    give_to(stage, "stage")
    target = site.ssh(host, "pg_skip_backup=false")

    ended = site.run("-y", target, MIGRATE, PGMIGRATE_STAGING_PASSWORD="secret-of-stage")
    again = site.run("-y", target, MIGRATE, PGMIGRATE_STAGING_PASSWORD="secret-of-stage")

    assert ended.status == 0, ended.output
    assert "as role stage" in ended.output
    assert "is a superuser" not in ended.output
    assert [name for name in ended.changed if name in NAMES] == NAMES
    assert again.status == 0
    assert again.changed == []


class TestStandby:
    def test_it_is_left_alone_with_a_note(self, site: Site, host: DockerHost, standby: int) -> None:
        ended = site.run("-y", site.docker(host, pg_port=standby), MIGRATE)

        assert ended.status == 0, ended.output
        assert "this server is a standby" in ended.output
        assert ended.results() == {}

    def test_it_is_looked_at_like_its_primary(
        self, site: Site, host: DockerHost, stage: Database, standby: int
    ) -> None:
        assert site.run("-y", site.docker(host), MIGRATE).status == 0
        stage.run("ALTER TABLE equipment ALTER COLUMN stock SET DEFAULT 1")
        with stage.server.connect(stage.name) as connection:
            ((written,),) = connection.execute("SELECT pg_current_wal_lsn()::text").fetchall()
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        wait_for(
            lambda: host.run("su", "postgres", "-c", f'psql -p {standby} -XAtc "{reached}"').strip() == "t",
            what="the standby has all that its primary wrote",
        )

        there = site.docker(host, pg_port=standby)
        shown, checked = site.run("-y", there, STATUS), site.run("-y", there, "deploy/validate.py")

        assert shown.status == 0, shown.output
        assert "(standby)" in shown.output
        assert "6 of 6 migrations applied" in shown.output
        assert "drift since the last run: 1 changed" in shown.output
        assert checked.status == 1
        assert "FAIL  preserved: column equipment.stock" in checked.output
        assert "1 FAIL" in checked.output


class TestProvisioning:
    def test_two_lines_add_it_to_a_provisioning_that_makes_the_database_itself(
        self, site: Site, host: DockerHost, machines: Machines
    ) -> None:
        """The database is not there yet when the plan is made: what counts is what is there when it runs."""
        server = machines.server(host.version)
        template = server.template("legacy")
        server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "fresh")
        (site.folder / "provision.py").write_text(
            "from pyinfra.operations import server\n"
            "from pyinfra_pgmigrate import migrate_database\n"
            f"server.shell(name='Make it', commands=['createdb --template={template} fresh'], _sudo=True, _sudo_user='postgres')\n"
            "migrate_database(database='fresh')\n"
        )

        ended = site.run("-y", site.docker(host), "provision.py")

        assert ended.status == 0, ended.output
        with server.connect("fresh") as session:
            assert session.execute("SELECT count(*) FROM pgmigrate.migrations").fetchone() == (6,)
        server.administer("DROP DATABASE {} WITH (FORCE)", "fresh")

    def test_two_databases_of_one_host_are_migrated_in_one_run(
        self, site: Site, host: DockerHost, stage: Database, machines: Machines
    ) -> None:
        with machines.server(host.version).database("legacy") as other:
            (site.folder / "both.py").write_text(
                "from pyinfra_pgmigrate import migrate_database\n"
                "migrate_database(database='stage', target=2)\n"
                f"migrate_database(database='{other.name}', target=1)\n"
            )

            ended = site.run("-y", site.docker(host), "both.py")

            assert ended.status == 0, ended.output
            assert stage.value("SELECT count(*) FROM pgmigrate.migrations") == 2
            assert other.value("SELECT count(*) FROM pgmigrate.migrations") == 1
            # Each of them has its name before what is said of it, and in pyinfra's summary.
            for name, migration in ((stage.name, NAMES[1]), (other.name, NAMES[0])):
                assert f"{name}: {migration}: applied" in ended.output
                assert f"Migrate database | {name}: {migration}" in ended.output
