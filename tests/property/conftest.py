"""What all property tests share."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.execution import script


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has steps read of every catalog what they wrote alone, as of a large one: these tests would see what it misses."""
    monkeypatch.setattr(script, "PARTS_FROM", 0)
