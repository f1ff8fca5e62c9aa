"""migrate.py and rollback.py on databases too large for a dump: restore points that pgBackRest covers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.docker.hosts import DockerHost, docker_host
from tests.support.cli import Ended, Site
from tests.support.migrations import NAMES
from tests.support.physical import archive, pgbackrest, recover_beside, sql
from tests.support.servers import Database, Server

pytestmark = pytest.mark.acceptance

MIGRATE, ROLLBACK, STATUS = (f"deploy/{name}.py" for name in ("migrate", "rollback", "status"))
LARGE = {"pg_skip_backup": False, "pg_full_proof_max_gib": 0}


@pytest.fixture(scope="module", params=[17, 15])
def covered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerHost]:
    """A host of its own whose server archives; without a backup."""
    with docker_host(request.param, tmp_path_factory.mktemp("covered")) as host:
        archive(host)
        yield host


@contextmanager
def _stage(server: Server) -> Iterator[Database]:
    server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "stage")
    server.administer("CREATE DATABASE {} TEMPLATE {}", "stage", server.template("legacy"))
    database = Database(server, "stage")
    yield database
    database.close()


def conninfo(server: Server) -> str:
    return " ".join(f"{name}='{value}'" for name, value in server.conninfo.items()) + " dbname=postgres"


def refused(ended: Ended, message: str) -> None:
    assert ended.status == 1, ended.output
    assert message in ended.output
    assert "Nothing was changed." in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.soak
def test_a_restore_point_leads_back_to_the_moment_before(site: Site, covered: DockerHost) -> None:
    with _stage(Server(covered.version, covered.conninfo, Path("/usr/bin"))) as stage:
        _leads_back(site, covered, stage)


def _leads_back(site: Site, covered: DockerHost, stage: Database) -> None:
    target = site.reach(covered, **LARGE)
    rows = "SELECT count(*), md5(string_agg(p::text, ',' ORDER BY p.id)) FROM projects AS p"
    before = sql(covered, rows, "stage")

    # No backup yet.
    refused(site.run("--dry", target, MIGRATE), "stanza main: no valid backups")
    refused(site.run("-y", target, MIGRATE), "no physical backup covers it")
    assert stage.value("SELECT to_regnamespace('pgmigrate')") is None
    pgbackrest(covered, "--stanza=main", "--type=full", "backup")
    dry = site.run("--dry", target, MIGRATE)
    ended = site.run("-y", target, MIGRATE)

    assert dry.status == ended.status == 0, dry.output + ended.output
    assert "would create a restore point, covered by pgBackRest full backup" in dry.output
    assert "a full proof would take" in dry.output
    assert ended.changed == ["Backup and rehearsal", *NAMES]
    assert "rows on the copy: all of" in ended.output
    name, lsn, command = stage.rows("SELECT name, lsn, recover FROM pgmigrate.restore_points")[0]
    reports = [json.loads(one.read_text()) for one in site.folder.glob("reports/*-migrate-*/report.json")]
    (kept,) = [found for one in reports if (found := one["hosts"][0]["restore_point"]) is not None]
    assert (kept["name"], kept["lsn"], kept["recover"]) == (name, lsn, command)
    assert f"restore point {name} at {lsn}, covered by" in ended.output
    status = site.run("-y", target, STATUS)
    assert name in status.output
    assert "no verified backup" not in status.output

    recover_beside(covered, command)

    assert sql(covered, rows, "stage", port=5433) == before
    assert sql(covered, "SELECT to_regnamespace('pgmigrate') IS NULL", "stage", port=5433).strip() == "t"
    assert sql(covered, "SELECT to_regclass('project_variants') IS NULL", "stage", port=5433).strip() == "t"

    back = site.run("-y", target, ROLLBACK)

    assert back.status == 0, back.output
    assert back.changed == ["Restore point", "Rollback"]
    assert stage.value("SELECT count(*) FROM pgmigrate.restore_points") == 2

    # A gap: nothing after it can be reached from that backup.
    covered.run("sh", "-c", "ls -d /var/lib/pgbackrest/archive/main/*-1/*/* | sort | tail -n 2 | head -n 1 | xargs rm")
    refused(site.run("-y", target, MIGRATE), "no WAL segment ")
    pgbackrest(covered, "--stanza=main", "--type=full", "backup")
    assert site.run("-y", target, MIGRATE).status == 0


def test_the_command_of_the_operator_says_what_covers(site: Site, host: DockerHost, stage: Database) -> None:
    answers = 'echo "asked about $PGMIGRATE_DATABASE"; echo "snapshot 7 ${PGMIGRATE_LSN:-before}"'
    good = site.reach(host, **LARGE, pg_backup_check=answers)

    dry, ended = site.run("--dry", good, MIGRATE), site.run("-y", good, MIGRATE)

    assert "covered by pg_backup_check: snapshot 7 before" in dry.output
    assert ended.status == 0, ended.output
    lsn, covering, recover = stage.rows("SELECT lsn, covered_by, recover FROM pgmigrate.restore_points")[0]
    assert covering == f"pg_backup_check: snapshot 7 {lsn}"
    assert "to restore point pgmigrate_" in recover
    bad = site.reach(host, **LARGE, pg_backup_check="echo too old >&2; exit 3")
    refused(site.run("-y", bad, ROLLBACK), "status 3 of pg_backup_check: too old")
    assert stage.value("SELECT count(*) FROM pgmigrate.restore_points") == 1


def test_a_role_that_may_create_none_keeps_the_lsn(site: Site, host: DockerHost, stage: Database) -> None:
    sql(host, "DROP ROLE IF EXISTS keeper")
    sql(host, "CREATE ROLE keeper LOGIN PASSWORD 'k33per'")
    stage.run("CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO keeper; ALTER DATABASE stage OWNER TO keeper")
    folder = site.folder / "own"
    folder.mkdir()
    (folder / "baseline.sql").write_text("CREATE TABLE theirs (id int);\n")
    (folder / "001_one.sql").write_text("-- purpose: one\n-- phase: schema\n\nALTER TABLE theirs ADD n int;\n")
    for name, text in record_folder(folder, conninfo(stage.server)).items():
        (folder / name).write_text(text)
    target = site.reach(
        host, **LARGE, pg_sql_dir="own", pg_rehearse="off", pg_backup_check="echo snapshot 8",
        pg_host="localhost", pg_user="keeper", pg_password="k33per",
    )  # fmt: skip

    ended = site.run("-y", target, MIGRATE)

    assert ended.status == 0, ended.output
    name, lsn, recover = stage.rows("SELECT name, lsn, recover FROM pgmigrate.restore_points")[0]
    assert name is None
    assert recover == f"with the tool that pg_backup_check asks, to LSN {lsn}"
    assert f"LSN {lsn}, covered by pg_backup_check: snapshot 8" in ended.output
    stage.close()
    stage.server.administer("DROP DATABASE {} WITH (FORCE)", "stage")
    sql(host, "DROP ROLE keeper")
