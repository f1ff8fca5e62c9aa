"""Dockerized hosts with a database "stage", and a site to run pyinfra from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testinfra

from tests.conftest import Machines
from tests.docker.hosts import DockerHost
from tests.support import templates
from tests.support.cli import Site
from tests.support.kills import Used
from tests.support.servers import Database, Server


@pytest.fixture
def host(machines: Machines, request: pytest.FixtureRequest) -> DockerHost:
    """A dockerized host with PostgreSQL 17, or the version that a test is parametrized with."""
    return machines.host(getattr(request, "param", 17))


@pytest.fixture
def stage(machines: Machines, host: DockerHost) -> Iterator[Database]:
    """The database "stage" on that host, with the legacy structure and some rows."""
    server: Server = machines.server(host.version)
    server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "stage")
    server.administer("CREATE DATABASE {} TEMPLATE {}", "stage", server.template("legacy"))
    database = Database(server, "stage")
    yield database
    database.close()
    server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "stage")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder to run pyinfra from."""
    return Site.make(tmp_path)


@pytest.fixture
def used(machines: Machines, host: DockerHost) -> Used:
    """A template whose variants are in use, with its catalog before the migrations and after."""
    server = machines.server(host.version)
    found = []
    for kind in ("legacy", templates.used(server)):
        with server.database(kind) as database:
            found.append(database.catalog())
    return Used(Database(server, server.templates["used"]), *found)


@pytest.fixture
def standby(host: DockerHost, stage: Database) -> Iterator[int]:
    """A standby of the host's server, in the same container; yields its port."""
    programs = host.run("sh", "-c", "dirname $(ls /usr/lib/postgresql/*/bin/postgres)").strip()
    start = (
        f"rm -rf /srv/standby && {programs}/pg_basebackup -D /srv/standby -R -c fast"
        f" && {programs}/pg_ctl -w -D /srv/standby -o '-p 5433' -l /srv/standby.log start >/dev/null"
    )
    host.run("install", "-d", "-o", "postgres", "/srv/standby")
    host.run("sh", "-c", "touch /srv/standby.log && chown postgres /srv /srv/standby.log")
    host.run("su", "postgres", "-c", start)
    yield 5433
    host.run("su", "postgres", "-c", f"{programs}/pg_ctl -m immediate -D /srv/standby stop")


def leftovers(host: DockerHost) -> list[str]:
    """Returns what is in the folder for temporary files of a host."""
    return str(testinfra.get_host(f"docker://{host.name}").check_output("ls -A /tmp")).split()


# Each host and each connector once; the other pairs in "make soak".
on_hosts = pytest.mark.parametrize(
    ("host", "connector"),
    [
        pytest.param(15, "docker", id="pg15-docker"),
        pytest.param(17, "ssh", id="pg17-ssh"),
        pytest.param(15, "ssh", id="pg15-ssh", marks=pytest.mark.soak),
        pytest.param(17, "docker", id="pg17-docker", marks=pytest.mark.soak),
    ],
    indirect=["host"],
)
