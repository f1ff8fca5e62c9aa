"""migrate.py through the pyinfra command, on dockerized hosts: twice, together, on a standby, with others."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pyinfra_pgmigrate.errors import Refusal

from tests.acceptance.conftest import leftovers, on_hosts
from tests.conftest import Machines
from tests.docker.hosts import DockerHost
from tests.support.cli import MIGRATE, STATUS, Site
from tests.support.harness import engine_of
from tests.support.migrations import NAMES
from tests.support.owners import give_to
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance


def inventory(site: Site, host: DockerHost, connector: str) -> str:
    return site.docker(host) if connector == "docker" else site.ssh(host)


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

    def test_status_and_the_dry_run_show_what_is_to_do_and_check_makes_the_dry_run_fail(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.reach(host)
        assert "0 of 6 migrations applied" in site.run("-y", target, STATUS).output

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
        shown = site.run("-y", target, STATUS)
        assert shown.status == 0
        assert "6 of 6 migrations applied" in shown.output
        assert "no drift" in shown.output

    def test_a_target_with_leading_zeros_is_understood(self, site: Site, host: DockerHost, stage: Database) -> None:
        ended = site.run("-y", site.reach(host), MIGRATE, "--data", "pg_target=002")

        assert ended.changed == NAMES[:2]


class TestTogether:
    def test_of_two_runs_one_applies_and_the_other_finds_nothing_to_do(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.reach(host)

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
        common = {"_sudo": True, "_sudo_user": "postgres", "pg_database": "stage", "pg_skip_backup": True}
        target = site.write_inventory("two", {good: common, bad: {**common, "pg_database": "no_such"}})

        ended = site.run("-y", target, MIGRATE)

        assert ended.status == 1
        assert f'could not read database "no_such" on host {bad}: no connection' in ended.output
        assert stage.value("SELECT count(*) FROM pgmigrate.migrations") == 6


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
    def test_it_is_left_alone_with_a_note_and_looked_at_like_its_primary(
        self, site: Site, host: DockerHost, stage: Database, standby: int
    ) -> None:
        alone = site.run("-y", site.reach(host, pg_port=standby), MIGRATE)

        assert alone.status == 0, alone.output
        assert "this server is a standby" in alone.output
        assert alone.results() == {}

        assert site.run("-y", site.reach(host), MIGRATE).status == 0
        stage.run("ALTER TABLE equipment ALTER COLUMN stock SET DEFAULT 1")
        with stage.server.connect(stage.name) as connection:
            ((written,),) = connection.execute("SELECT pg_current_wal_lsn()::text").fetchall()
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        wait_for(
            lambda: host.run("su", "postgres", "-c", f'psql -p {standby} -XAtc "{reached}"').strip() == "t",
            what="the standby has all that its primary wrote",
        )

        there = site.reach(host, pg_port=standby)
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

        ended = site.run("-y", site.reach(host), "provision.py")

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

            ended = site.run("-y", site.reach(host), "both.py")

            assert ended.status == 0, ended.output
            assert stage.value("SELECT count(*) FROM pgmigrate.migrations") == 2
            assert other.value("SELECT count(*) FROM pgmigrate.migrations") == 1
            # Each of them has its name before what is said of it, and in pyinfra's summary.
            for name, migration in ((stage.name, NAMES[1]), (other.name, NAMES[0])):
                assert f"{name}: {migration}: applied" in ended.output
                assert f"Migrate database | {name}: {migration}" in ended.output


def test_what_goes_over_ssh_is_sent_at_once(site: Site, host: DockerHost, stage: Database) -> None:
    with engine_of(site.over_ssh(host), host.address) as session:
        assert not isinstance(session.look(), Refusal)
        client: Any = session.host.connector
        # Else each command waits 40 ms for the other side to acknowledge the packet before its last one.
        assert client.client.get_transport().sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
