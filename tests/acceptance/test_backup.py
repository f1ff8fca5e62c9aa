"""backup.py, restore.py and migrate.py with its backup, through the pyinfra command, on dockerized hosts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import testinfra

from tests.acceptance.conftest import on_hosts
from tests.conftest import first
from tests.docker.hosts import DockerHost
from tests.support.cli import Site
from tests.support.contents import contents_of
from tests.support.migrations import NAMES
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance

BACKUP, RESTORE, MIGRATE, ROLLBACK = (f"deploy/{name}.py" for name in ("backup", "restore", "migrate", "rollback"))
HOME = "/var/lib/postgresql/pgmigrate-backups"
SKIP_NOT = ("--data", "pg_skip_backup=false")


@pytest.fixture
def stage(stage: Database, host: DockerHost) -> Iterator[Database]:
    """The database "stage", on a host without backups."""
    host.run("rm", "-rf", HOME)
    yield stage
    with stage.server.connect("postgres") as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^stage_before_'").fetchall()
    for (name,) in rows:
        stage.server.administer("DROP DATABASE {} WITH (FORCE)", name)


def folders(host: DockerHost, folder: str = HOME) -> list[str]:
    return host.run("sh", "-c", f"cd {folder} 2>/dev/null && ls -1 || true").split()


def nothing_is_left(stage: Database, host: DockerHost, backups: int) -> bool:
    """Whether no copy, no role of one, no partial backup and no temporary file is there, and so many backups."""
    names = folders(host)
    with stage.server.connect("postgres") as connection:
        copies = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pgmigrate_'").fetchall()
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pgmigrate_'").fetchall()
    assert copies == roles == []
    assert [name for name in names if name.endswith(".partial")] == []
    assert len([name for name in names if not name.endswith(".failed")]) == backups, names
    assert host.run("ls", "-A", "/tmp").split() == []
    return True


class TestTwice:
    @on_hosts
    def test_a_backup_is_taken_and_not_taken_again(
        self, site: Site, host: DockerHost, stage: Database, connector: str
    ) -> None:
        target = site.docker(host) if connector == "docker" else site.ssh(host)

        first = site.run("-y", target, BACKUP)
        second = site.run("-y", target, BACKUP)

        assert first.status == 0, first.output
        assert first.changed == ["Backup"]
        assert second.status == 0, second.output
        assert second.changed == []
        (label,) = folders(host)
        found = testinfra.get_host(f"docker://{host.name}")
        for path, mode in ((HOME, 0o700), (f"{HOME}/{label}", 0o700), (f"{HOME}/{label}/manifest.json", 0o600)):
            assert (found.file(path).user, found.file(path).mode) == ("postgres", mode)
        assert found.file(f"{HOME}/{label}/globals.sql").contains("CREATE ROLE postgres")
        dump = host.run("ls", f"{HOME}/{label}/dump").split()
        assert any(name.endswith(".zst" if host.version >= 16 else ".gz") for name in dump), dump
        assert nothing_is_left(stage, host, 1)

    @pytest.mark.parametrize("connector", ["ssh", pytest.param("docker", marks=pytest.mark.soak)])
    def test_migrate_and_restore_end_where_the_backup_began(
        self, site: Site, host: DockerHost, stage: Database, connector: str
    ) -> None:
        target = site.docker(host) if connector == "docker" else site.ssh(host)
        before = contents_of(stage)

        migrated = site.run("-y", target, MIGRATE, *SKIP_NOT)
        stage.close()
        again = site.run("-y", target, MIGRATE, *SKIP_NOT)
        restored = site.run("-y", target, RESTORE, "--data", "pg_backup=latest")

        assert migrated.status == 0, migrated.output
        assert migrated.changed == ["Backup and rehearsal", *NAMES]
        assert again.changed == []
        assert restored.status == 0, restored.output
        after = contents_of(stage)
        assert (after.tables, after.catalog) == (before.tables, before.catalog)
        assert nothing_is_left(stage, host, 1)

    @pytest.mark.parametrize("connector", ["docker", pytest.param("ssh", marks=pytest.mark.soak)])
    def test_rollback_leads_back_once(self, site: Site, host: DockerHost, stage: Database, connector: str) -> None:
        target = site.docker(host) if connector == "docker" else site.ssh(host)
        before = contents_of(stage)
        assert site.run("-y", target, MIGRATE).status == 0

        dry = site.run("--dry", target, ROLLBACK, *SKIP_NOT)
        first = site.run("-y", target, ROLLBACK, *SKIP_NOT)
        second = site.run("-y", target, ROLLBACK, *SKIP_NOT)

        assert "would revert 006_release_group_name_rule, 005" in dry.output
        assert first.status == 0, first.output
        assert first.changed == ["Backup", "Rollback"]
        assert second.status == 0, second.output
        assert second.changed == []
        after = contents_of(stage)
        assert after.catalog == before.catalog
        assert {name: after.tables[name] for name in before.tables} == before.tables
        assert nothing_is_left(stage, host, 1)

    def test_two_runs_take_one_backup_and_rehearse_once_each_or_less(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.reach(host)

        runs = [site.start("-y", target, MIGRATE, *SKIP_NOT) for _ in range(2)]
        outputs = [run.communicate(timeout=300)[0] for run in runs]

        assert [run.returncode for run in runs] == [0, 0], outputs
        assert stage.rows(
            "SELECT version, count(*) FROM pgmigrate.events WHERE event = 'applied' GROUP BY 1 ORDER BY 1"
        ) == [(version, 1) for version in range(1, 7)]
        assert nothing_is_left(stage, host, 1)


class TestDisk:
    def test_a_full_disk_leaves_a_note_and_the_earlier_backup(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        small = ("--data", "pg_backup_dir=/srv/small/backups")
        target = site.reach(host)
        host.run("rm", "-rf", "/srv/small/backups")
        assert site.run("-y", target, BACKUP, *small).status == 0
        (label,) = folders(host, "/srv/small/backups")
        stage.run("CREATE TABLE noise AS SELECT sha512(i::text::bytea) AS noise FROM generate_series(1, 400000) AS i")

        ended = site.run("-y", target, BACKUP, *small)

        assert ended.status == 1
        assert "no space left on the disk" in ended.output
        assert "HINT: Make room, or set pg_backup_dir to a folder with more." in ended.output
        left = folders(host, "/srv/small/backups")
        assert left[0] == label
        assert [name.rsplit(".", 1)[1] for name in left[1:]] == ["failed"]
        assert "No space left" in host.run("cat", f"/srv/small/backups/{left[1]}")
        verified = site.run("-y", target, BACKUP, *small, "--data", f"pg_backup={label}")
        assert verified.status == 0, verified.output
        host.run("rm", "-rf", "/srv/small/backups")


@contextmanager
def locked(stage: Database) -> Iterator[None]:
    """Keeps whoever reads one of the tables waiting."""
    with psycopg.connect(**{**stage.server.conninfo, "dbname": stage.name}) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS held ()")
        connection.commit()
        connection.execute("LOCK TABLE held")
        yield
        connection.rollback()


# An index whose building takes three seconds in a copy, until the function is quick again.
SLOW = """
CREATE FUNCTION slowly(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN i; END $$;
CREATE TABLE slow AS SELECT i FROM generate_series(1, 100) AS i;
CREATE INDEX ON slow (slowly(i));
CREATE OR REPLACE FUNCTION slowly(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN PERFORM pg_sleep(0.03); RETURN i; END $$;
"""
QUICK = """
CREATE OR REPLACE FUNCTION slowly(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN i; END $$
"""


class TestKilled:
    """After a kill the next run cleans up and succeeds."""

    def at_work(self, stage: Database, what: str, query: str = "") -> bool:
        with stage.server.connect("postgres") as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ %s AND query ~ %s",
                [f"^pgmigrate .* {what}", f"^{query}"],
            ).fetchone()
        return found is not None and found[0] > 0

    def start(self, site: Site, target: str, deploy: str) -> Any:
        return site.start("-y", target, deploy, *SKIP_NOT)

    @pytest.mark.parametrize("victim", ["pg_dump", "psql"])
    def test_while_it_dumps(self, site: Site, host: DockerHost, stage: Database, victim: str) -> None:
        target = site.reach(host)
        with locked(stage):
            first = self.start(site, target, BACKUP)
            wait_for(lambda: self.at_work(stage, "dump"), what="pg_dump", seconds=30)
            host.run("pkill", "-9", "-x", victim)
            output = ""
            if victim == "psql":
                output, _ = first.communicate(timeout=60)
        if victim == "pg_dump":
            output, _ = first.communicate(timeout=60)

        assert first.returncode == 1, output
        assert 'could not back up database "stage"' in output
        second = site.run("-y", target, BACKUP)

        assert second.status == 0, second.output
        assert nothing_is_left(stage, host, 1)

    def test_while_it_restores(self, site: Site, host: DockerHost, stage: Database) -> None:
        stage.run(SLOW)
        target = site.reach(host)
        first = self.start(site, target, BACKUP)
        # The one that builds the slow index: an earlier one may have ended when the signal comes, and lost nothing by it.
        wait_for(lambda: self.at_work(stage, "restore", "CREATE INDEX"), what="pg_restore", seconds=30)
        host.run("pkill", "-9", "-x", "pg_restore")
        output, _ = first.communicate(timeout=60)

        assert first.returncode == 1, output
        assert "pg_restore was ended by signal 9" in output
        (label,) = folders(host)
        # That says nothing of the backup.
        assert '"how": "none"' in host.run("cat", f"{HOME}/{label}/manifest.json")
        stage.run(QUICK)
        second = site.run("-y", target, BACKUP)

        assert second.status == 0, second.output
        assert nothing_is_left(stage, host, 2)

    @first(1)
    @pytest.mark.parametrize("phase", ["dump", "restore", "compare"])
    def test_the_controller(self, site: Site, host: DockerHost, stage: Database, phase: str) -> None:
        stage.run(SLOW)
        # Whoever comes after waits twice as long.
        target = site.reach(host, pg_run_stale_s=4)
        first = self.start(site, target, MIGRATE)
        if phase == "dump":
            with locked(stage):
                wait_for(lambda: self.at_work(stage, phase), what=phase, seconds=30)
                os.killpg(first.pid, signal.SIGKILL)
        else:
            wait_for(lambda: self.at_work(stage, phase), what=phase, seconds=30, every=0.002)
            os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
        stage.run(QUICK)

        second = site.run("-y", target, MIGRATE, *SKIP_NOT)

        assert second.status == 0, second.output
        assert "is at work on the backups of this database, waiting for it" in second.output
        assert second.changed == ["Backup and rehearsal", *NAMES]
        assert nothing_is_left(stage, host, 1 if phase == "dump" else 2)

    def test_the_shell_on_the_host(self, site: Site, host: DockerHost, stage: Database) -> None:
        target = site.reach(host)
        with locked(stage):
            first = self.start(site, target, BACKUP)
            wait_for(lambda: self.at_work(stage, "dump"), what="pg_dump", seconds=30)
            host.run("pkill", "-9", "-f", "^sh -c # Begins every program")
            output, _ = first.communicate(timeout=60)

        assert first.returncode == 1, output
        second = site.run("-y", target, BACKUP)

        assert second.status == 0, second.output
        assert nothing_is_left(stage, host, 1)


ONCE = """
DO $do$
BEGIN
    IF current_database() <> 'stage' THEN
        RAISE EXCEPTION 'can only create extension in database stage';
    END IF;
END;
$do$;
CREATE SCHEMA once;
CREATE TABLE once.job (id integer);
SELECT pg_extension_config_dump('once.job', '');
"""


class TestExtensions:
    def test_one_that_exists_once_a_server_is_a_note_and_no_alarm(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        folder = "/usr/share/postgresql/17/extension"
        host.write(f"{folder}/once.control", "default_version = '1.0'\nrelocatable = false\n")
        host.write(f"{folder}/once--1.0.sql", ONCE)
        stage.run("CREATE EXTENSION once; INSERT INTO once.job VALUES (1); GRANT USAGE ON SCHEMA once TO PUBLIC")

        ended = site.run("-y", site.reach(host), BACKUP)

        assert ended.status == 0, ended.output
        assert 'note: extension "once" could not be made: can only create extension in database stage' in ended.output
        (label,) = folders(host)
        assert '"how": "restore"' in host.run("cat", f"{HOME}/{label}/manifest.json")
        # What an application made of it is no part of it: a copy without that is another one.
        stage.run("CREATE VIEW jobs AS SELECT * FROM once.job")
        assert site.run("-y", site.reach(host), BACKUP).status == 1


class TestRestoring:
    def test_a_dry_run_changes_nothing_and_production_wants_the_name_of_the_database(
        self, site: Site, host: DockerHost, stage: Database
    ) -> None:
        target = site.reach(host)
        site.run("-y", target, BACKUP)
        latest = ("--data", "pg_backup=latest")

        ended = site.run("--dry", target, RESTORE, *latest)
        production = site.reach(host, pg_needs_confirm=True)
        refused = site.run("-y", production, RESTORE, *latest)
        dry = site.run("--dry", production, RESTORE, *latest)

        assert ended.status == 0
        assert "would restore backup" in ended.output
        assert refused.status == 1
        assert "HINT: If that is what you want: --data pg_confirm=stage" in refused.output
        assert dry.status == 1
        assert (site.folder / "inventories" / "group_data" / "production.py").read_text().count(
            "pg_needs_confirm = True"
        ) == 1
        with stage.server.connect("postgres") as connection:
            assert connection.execute("SELECT 1 FROM pg_database WHERE datname ~ '^stage_before'").fetchall() == []
