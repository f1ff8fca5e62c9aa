"""A thousand new histories, on all versions."""

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
from tests.property.check import checker
from tests.property.histories import prepare_server
from tests.property.trial import Figures, Trial
from tests.support.servers import Server

# All versions and parts together.
HISTORIES = int(os.environ.get("HISTORIES", "1000"))
PARTS = 3
_IN_A_PART = -(-HISTORIES // (len(ALL_VERSIONS) * PARTS))


@pytest.mark.parametrize("part", range(PARTS))
@on_all_versions
def test_generated_history_ends_where_psql_ends(
    server: Server,
    part: int,
    tmp_path: Path,
    record_property: Callable[[str, Any], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Printed, so that the same ones can be had again: HISTORIES_SEED=... make soak
    chosen = int(os.environ.get("HISTORIES_SEED") or secrets.randbits(32))
    with server.connect("postgres") as session:
        prepare_server(session)
    with checker(server, tmp_path) as checks:
        trial = Trial(checks, Figures(), minimize_s=300)
        told = 0

        @seed(chosen)
        @settings(
            max_examples=_IN_A_PART,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(0, 2**64 - 1))
        def try_one(number: int) -> None:
            if not trial.try_one(f"pg{server.version}-{number}", Random(f"{server.version}:{part}:{number}")):
                reject()
            # At once, so that what an hour found is not lost with the run.
            nonlocal told
            if trial.figures.histories % 25 == 0 or len(trial.failures) > told:
                told = len(trial.failures)
                with capfd.disabled():
                    news = f"PostgreSQL {server.version}, seed {chosen}: {trial.figures}\n{trial.told}"
                    print(news, file=sys.stderr, flush=True)

        try_one()

    record_property("figures", f"PostgreSQL {server.version}, HISTORIES_SEED={chosen}: {trial.figures}")
    assert not trial.failures, trial.told
    assert trial.figures.histories >= _IN_A_PART * 9 // 10
