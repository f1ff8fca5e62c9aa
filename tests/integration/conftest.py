"""What the integration tests share: the catalog after a clean run."""

from __future__ import annotations

import pytest

from tests.support.harness import migrate
from tests.support.servers import Server

_clean: dict[int, frozenset[str]] = {}


@pytest.fixture
def clean_structure(server: Server) -> frozenset[str]:
    """The structure that a run from the legacy structure ends with, on the server of the test."""
    if server.version not in _clean:
        with server.database("legacy") as database:
            result = migrate(database.settings())
            if not result.ok:
                raise RuntimeError(result.text)
            _clean[server.version] = database.structure()
    return _clean[server.version]
