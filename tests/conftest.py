"""Servers for all tests: PostgreSQL 16 and 18 embedded, 15 and 17 in containers."""

from __future__ import annotations

import gc
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyinfra_pgmigrate.embedded import EmbeddedServer, scratch_server

from tests.docker.hosts import RELEASES, DockerHost, docker_host
from tests.support.places import in_memory, make_temporary_folder, server_environment
from tests.support.servers import Database, Server
from tests.support.spawning import spawn_without_fork
from tests.support.summary import Summary

EMBEDDED = (16, 18)
ALL_VERSIONS = tuple(sorted((*EMBEDDED, *RELEASES)))
NEWEST = 18
SOAK = Path(__file__).with_name("soak")

SUMMARY = pytest.StashKey[Summary]()
TEMPORARY = pytest.StashKey[Path | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Adds to what pytest tells at the end; has programs started in the quick way."""
    spawn_without_fork()
    # What thousands of tests hold would be gone through again and again.
    gc.set_threshold(50_000, 20, 100)
    config.stash[SUMMARY] = Summary()
    config.pluginmanager.register(config.stash[SUMMARY])
    # Workers have it from whoever starts them.
    config.stash[TEMPORARY] = make_temporary_folder()


def pytest_collection_finish() -> None:
    """Leaves what was collected out of garbage collections."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what was made for temporary files."""
    if (made := config.stash.get(TEMPORARY, None)) is not None:
        shutil.rmtree(made, ignore_errors=True)


class Machines:
    """Starts each server and host when a test first asks for it, and stops all at the end."""

    def __init__(self, stack: ExitStack, folder: Path, summary: Summary) -> None:
        self._stack = stack
        self._summary = summary
        self._folder = folder
        self._embedded: dict[int, EmbeddedServer] = {}
        self._hosts: dict[int, DockerHost] = {}
        self._servers: dict[int, Server] = {}

    def embedded(self, version: int) -> EmbeddedServer:
        """Returns the embedded server of a version."""
        if version not in self._embedded:
            with server_environment():
                self._embedded[version] = self._stack.enter_context(scratch_server(version=version, folder=in_memory()))
        return self._embedded[version]

    def host(self, version: int) -> DockerHost:
        """Returns the dockerized host with a version."""
        if version not in self._hosts:
            self._hosts[version] = self._stack.enter_context(docker_host(version, self._folder))
        return self._hosts[version]

    def server(self, version: int) -> Server:
        """Returns the server of a version, reached from this machine."""
        if version not in self._servers:
            if version in EMBEDDED:
                found = self.embedded(version)
                conninfo = {"host": found.host, "port": found.port, "user": found.user}
                self._servers[version] = Server(version, conninfo, found.bin_dir)
            else:
                programs = self.embedded(NEWEST).bin_dir
                self._servers[version] = Server(version, self.host(version).conninfo, programs)
            self._summary.servers.add(self._servers[version].minor())
        return self._servers[version]


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Machines]:
    """All servers and hosts, started on demand."""
    with ExitStack() as stack:
        yield Machines(stack, tmp_path_factory.mktemp("hosts"), pytestconfig.stash[SUMMARY])


@pytest.fixture
def server(machines: Machines, request: pytest.FixtureRequest) -> Server:
    """A server of the newest version, or of the version that a test is parametrized with."""
    return machines.server(getattr(request, "param", NEWEST))


@pytest.fixture
def legacy(server: Server) -> Iterator[Database]:
    """A database with the legacy structure and some rows."""
    with server.database("legacy") as database:
        yield database


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keeps what is in tests/soak for "make soak"."""
    if SOAK in item.path.parents:
        item.add_marker("soak")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps for "make soak" what other cases of the same test stand for: see ``first``."""
    seen: defaultdict[str, int] = defaultdict(int)
    for item in items:
        marker = item.get_closest_marker("first")
        if marker is None or item.get_closest_marker("soak") is not None:
            continue
        name = item.nodeid.partition("[")[0]
        seen[name] += 1
        if seen[name] > marker.args[0]:
            item.add_marker("soak")


def first(count: int) -> pytest.MarkDecorator:
    """Runs so many cases of a parametrized test, and the others in "make soak".

    For cases that take one way through the code with other values, and take long; the first ones differ most.
    """
    return pytest.mark.first(count)


def on_versions(*versions: int) -> pytest.MarkDecorator:
    """Runs a test on these versions, and on the others in "make soak".

    For what the library does alike on all of them; ``on_all_versions`` is for what the server prints: lines,
    fingerprints, effects, hashes, definitions; and one story of each version is in test_story.py.
    """
    chosen = [
        pytest.param(one, id=f"pg{one}", marks=() if one in versions else pytest.mark.soak) for one in ALL_VERSIONS
    ]
    return pytest.mark.parametrize("server", chosen, indirect=True)


on_all_versions = on_versions(*ALL_VERSIONS)
on_docker = pytest.mark.parametrize("server", [17], indirect=True, ids=["pg17"])
