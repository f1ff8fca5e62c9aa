"""The fixtures of the integration tests, and a role that wants to be more than it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import applied, clean_structure, folder, kept, one_by_one
from tests.support.evil import Evil, evil_role
from tests.support.servers import Database

__all__ = ["applied", "clean_structure", "folder", "kept", "one_by_one"]


@pytest.fixture
def evil(legacy: Database) -> Iterator[Evil]:
    """An ordinary role that may have a schema, and put a trigger on a table of the application."""
    with evil_role(legacy) as found:
        yield found
