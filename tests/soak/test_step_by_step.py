"""Many histories taken back one migration at a time, on all versions."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import ALL_VERSIONS, on_all_versions
from tests.property.histories import prepare_server
from tests.property.step_by_step import Steps
from tests.support.servers import Server

# All versions together.
HISTORIES = int(os.environ.get("HISTORIES", "400"))
_IN_A_PART = -(-HISTORIES // len(ALL_VERSIONS))


@pytest.mark.timeout(max(600, 30 * _IN_A_PART))
@on_all_versions
def test_each_step_back_leads_to_what_was_before(
    server: Server, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    # Printed, so that the same ones can be had again: HISTORIES_SEED=... make soak
    chosen = int(os.environ.get("HISTORIES_SEED") or secrets.randbits(32))
    with server.connect("postgres") as session:
        prepare_server(session)
    steps = Steps(server, tmp_path)

    for number in range(_IN_A_PART):
        steps.try_one(Random(f"{chosen}:{server.version}:{number}"))

    record_property("figures", f"PostgreSQL {server.version}, HISTORIES_SEED={chosen}: {steps}")
    assert steps.told == []
