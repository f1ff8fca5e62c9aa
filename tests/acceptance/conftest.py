"""Dockerized hosts with a database "stage", and a site to run pyinfra from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Machines
from tests.docker.hosts import DockerHost
from tests.support.cli import Site
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
