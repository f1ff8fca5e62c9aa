"""Restore points that stand on Barman, which runs as an account of its own: 3.4 of Debian 12 and 3.13 of Debian 13."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_large import LARGE, refused
from tests.docker.hosts import DockerHost, docker_host, engine, image
from tests.support.cli import Site
from tests.support.migrations import NAMES
from tests.support.physical import BESIDE, sql, start_beside
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

MIGRATE, ROLLBACK = "deploy/migrate.py", "deploy/rollback.py"

PASSWORD = "b4rm4n-s3cret"
CONF = f"""[barman]
barman_user = barman
barman_home = /var/lib/barman
log_file = /var/log/barman/barman.log
[other]
description = a server that is not there
conninfo = host=127.0.0.1 port=9 user=barman password={PASSWORD} dbname=postgres
streaming_conninfo = host=127.0.0.1 port=9 user=streaming password={PASSWORD}
backup_method = postgres
streaming_archiver = on
slot_name = barman
[shop]
description = ours
conninfo = host=127.0.0.1 user=barman password={PASSWORD} dbname=postgres
streaming_conninfo = host=127.0.0.1 user=streaming password={PASSWORD}
backup_method = postgres
streaming_archiver = on
slot_name = barman
create_slot = auto
path_prefix = {{programs}}
"""


def barman(host: DockerHost, *arguments: str) -> str:
    return host.run("barman", *arguments, user="barman")


@pytest.fixture(params=[15, 17], ids=lambda version: f"pg{version}")
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DockerHost]:
    """A host with Barman, which receives the write-ahead log; there is no backup yet."""
    version = request.param
    name = f"pgmigrate-barman:{version}"
    recipe = f"FROM {image(version)}\nRUN apt-get update -qq && apt-get install -y -qq --no-install-recommends barman rsync\n"
    engine().images.build(fileobj=io.BytesIO(recipe.encode()), tag=name, network_mode="host", rm=True)
    with docker_host(version, tmp_path, made_of=name) as made:
        programs = made.run("sh", "-c", "dirname $(ls /usr/lib/postgresql/*/bin/postgres)").strip()
        made.write("/etc/barman.conf", CONF.format(programs=programs))
        made.write("/etc/sudoers.d/barman", "postgres ALL=(barman) NOPASSWD: /usr/bin/barman\n")
        sql(made, f"CREATE ROLE barman SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        sql(made, f"CREATE ROLE streaming REPLICATION LOGIN PASSWORD '{PASSWORD}'")
        made.run("sh", "-c", "barman cron; sleep 1; barman cron", user="barman")
        wait_for(
            lambda: sql(made, "SELECT count(*) FROM pg_stat_replication").strip() == "1", what="Barman", seconds=30
        )
        yield made


@pytest.mark.timeout(900)
def test_a_restore_point_leads_back_to_the_moment_before(host: DockerHost, tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    server = Server(host.version, host.conninfo, Path("/usr/bin"))
    server.administer("CREATE DATABASE {} TEMPLATE {}", "stage", server.template("legacy"))
    stage = Database(server, "stage")
    target = site.docker(host, **LARGE, pg_barman="sudo -n -u barman barman")
    rows = "SELECT count(*), md5(string_agg(p::text, ',' ORDER BY p.id)) FROM projects AS p"
    before = sql(host, rows, "stage")

    empty = site.run("-y", target, MIGRATE)
    refused(empty, "check shop: WAL archive: FAILED")
    barman(host, "switch-wal", "--force", "--archive", "shop")
    no_backup = site.run("-y", target, MIGRATE)
    refused(no_backup, "show-backup shop latest")
    barman(host, "backup", "shop")
    # What it needs is complete with the next segment.
    barman(host, "switch-wal", "--force", "--archive", "shop")
    dry, ended = site.run("--dry", target, MIGRATE), site.run("-y", target, MIGRATE)

    assert dry.status == ended.status == 0, dry.output + ended.output
    assert "would create a restore point, covered by Barman backup" in dry.output
    assert ended.changed == ["Backup and rehearsal", *NAMES]
    ((name, command),) = stage.rows("SELECT name, recover FROM pgmigrate.restore_points")
    assert f"--target-name {name} " in command
    assert command.endswith(" /srv/postgresql")

    # Beside the one that runs: into another folder, which then becomes one of postgres.
    host.run("install", "-d", "-m", "700", "-o", "barman", BESIDE)
    host.run("sh", "-c", command.replace("/srv/postgresql", BESIDE), user="barman")
    host.run("chown", "-R", "postgres", BESIDE)
    start_beside(host)

    assert sql(host, rows, "stage", port=5433) == before
    assert sql(host, "SELECT to_regclass('project_variants') IS NULL", "stage", port=5433).strip() == "t"
    back = site.run("-y", target, ROLLBACK)
    assert back.status == 0, back.output
    assert back.changed == ["Restore point", "Rollback"]

    # A gap: nothing after it can be reached from that backup.
    host.run("sh", "-c", "ls -d /var/lib/barman/shop/wals/*/0* | sort | tail -n 2 | head -n 1 | xargs rm")
    barman(host, "rebuild-xlogdb", "shop")
    gap = site.run("-y", target, MIGRATE)
    refused(gap, "no WAL segment ")
    # Nothing receives the write-ahead log any more.
    barman(host, "receive-wal", "--stop", "shop")
    stopped = site.run("-y", target, MIGRATE)
    refused(stopped, "check shop: ")
    assert "FAILED" in stopped.output
    nobody = site.run("-y", site.docker(host, **LARGE, pg_barman="no-such-barman"), MIGRATE)
    refused(nobody, "no-such-barman list-servers: ")
    for one in (empty, no_backup, dry, ended, back, gap, stopped, nobody):
        assert PASSWORD not in one.output
    for report in site.folder.glob("reports/*/*"):
        assert PASSWORD not in report.read_text()
    stage.close()
