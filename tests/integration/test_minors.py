"""Two minor versions of one server print the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import SUMMARY, Machines
from tests.integration.test_catalog import corpus_lines
from tests.support.older import VERSION, older_server
from tests.support.servers import Server


@pytest.fixture
def older(machines: Machines, pytestconfig: pytest.Config) -> Iterator[Server]:
    """An older one of the version that the newer is of."""
    machines.server(VERSION)
    with older_server() as server:
        pytestconfig.stash[SUMMARY].servers.add(server.minor())
        yield server


def test_the_same_structure_gives_the_same_lines(machines: Machines, older: Server) -> None:
    newer = machines.server(VERSION)

    assert older.minor() != newer.minor()
    assert corpus_lines(older) == corpus_lines(newer)
