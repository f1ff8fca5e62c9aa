"""Many histories taken back and made again, on all versions."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st

from tests.conftest import ALL_VERSIONS, on_all_versions
from tests.property.back_and_forth import Trial
from tests.property.histories import prepare_server
from tests.support.servers import Server

# All versions together.
HISTORIES = int(os.environ.get("HISTORIES", "400"))
_IN_A_PART = -(-HISTORIES // len(ALL_VERSIONS))


# One takes some five seconds.
@pytest.mark.timeout(max(600, 30 * _IN_A_PART))
@pytest.mark.parametrize("schemas", [(), ("public",)], ids=["database", "schema"])
@on_all_versions
def test_generated_history_comes_back(
    server: Server, tmp_path: Path, record_property: Callable[[str, Any], None], schemas: tuple[str, ...]
) -> None:
    # Printed, so that the same ones can be had again: HISTORIES_SEED=... make soak
    chosen = int(os.environ.get("HISTORIES_SEED") or secrets.randbits(32))
    with server.connect("postgres") as session:
        prepare_server(session)
    trial = Trial(server, tmp_path, schemas)

    @seed(chosen)
    @settings(
        # Most of what is refused to a schema of several is in another one.
        max_examples=_IN_A_PART // (4 if schemas else 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def try_one(number: int) -> None:
        if not trial.try_one(f"pg{server.version}-{number}", Random(f"{server.version}:{number}")):
            reject()
        if trial.figures.histories % 25 == 0:
            print(f"PostgreSQL {server.version}, seed {chosen}: {trial.figures}", file=sys.stderr, flush=True)

    try_one()

    record_property("figures", f"PostgreSQL {server.version}, HISTORIES_SEED={chosen}: {trial.figures}")
    assert not trial.failures, trial.told
