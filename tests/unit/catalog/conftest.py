"""A database that answers, and a reader of its catalog."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.delta import CatalogReader

from tests.unit.catalog.answers import LINES, Server, lines_after


@pytest.fixture
def server() -> Server:
    """A server whose catalog was read."""
    return Server()


@pytest.fixture
def reader(server: Server) -> CatalogReader:
    """One that has read all of it."""
    reader = CatalogReader(server.execute)
    reader.begins()
    assert lines_after(reader) == {line for line, *_ in LINES}
    server.asked.clear()
    return reader
