"""What migrate.py refuses, as an operator reads it."""

from __future__ import annotations

import re

import pytest

from tests.docker.hosts import DockerHost
from tests.support.cli import MIGRATE, Site
from tests.support.servers import Database

pytestmark = pytest.mark.acceptance


# Host data, what is said of it and what is advised.
IN_THE_WAY: dict[str, tuple[dict[str, object], str, str]] = {
    "database": ({"pg_database": "no_such"}, 'FATAL: database "no_such" does not exist', "Correct pg_database"),
    "password": ({"_sudo": False, "pg_host": "127.0.0.1", "pg_user": "postgres", "pg_password": "wrong"},
                 "password authentication failed", "Correct pg_user or pg_password"),
    "no-password": ({"_sudo": False, "pg_host": "127.0.0.1", "pg_user": "postgres"},
                    "no password supplied", "Set pg_password"),
    "role": ({"_sudo": False}, 'role "deploy" does not exist', "Correct pg_user"),
    "peer": ({"pg_user": "nobody_known"}, "Peer authentication failed", "set _sudo_user"),
    "name": ({"pg_host": "no.such.host.invalid"}, "could not translate host name", "Correct pg_host"),
    "port": ({"pg_host": "127.0.0.1", "pg_port": 6543}, "Connection refused", "pg_isready"),
    "service": ({"pg_service": "no_such"}, 'definition of service "no_such" not found', "Correct pg_service"),
    "psql": ({"pg_bin_dir": "/opt/none/bin"}, "psql is not there", "Install postgresql-client"),
    "schema": ({"pg_schema": "no_such"}, 'could not find schema "no_such"', "Correct pg_schema"),
    "target": ({"pg_target": 99}, "could not find migration 099, the target", "Correct --data pg_target"),
}  # fmt: skip


class TestRefusals:
    """Each in three lines that name the host, with exit status 1."""

    def test_what_stands_in_the_way_is_told_of_each_host(self, site: Site, host: DockerHost, stage: Database) -> None:
        """One host by eleven names, each with something else in its way."""
        common = {**site.over_ssh(host), "ssh_hostname": host.address}
        target = site.write_inventory("all", {name: {**common, **data} for name, (data, *_) in IN_THE_WAY.items()})

        # No more at once than sshd greets.
        ended = site.run("-y", "--parallel", "5", target, MIGRATE)

        told = {
            name: re.sub(r"\s+", " ", " ".join(re.findall(rf"^ *\[{name}\] +(.*)$", ended.output, re.MULTILINE)))
            for name in IN_THE_WAY
        }
        for name, (_, message, hint) in IN_THE_WAY.items():
            assert message in told[name], name
            assert hint in told[name], name
            assert told[name].endswith("Error: executed 0 commands"), name
        assert ended.status == 1
        assert "No hosts remaining!" in ended.output
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
        ended = site.run("-y", site.reach(host), MIGRATE, "--data", data)

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

        ended = site.run("-y", site.reach(host), MIGRATE, "--data", "pg_sql_dir=own")

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

        ended = site.run("-y", site.reach(host, **data), MIGRATE)

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
