"""Any history can be taken back and made again: structure, rows and sequences are what they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from tests.support.servers import Server

from .back_and_forth import Trial
from .histories import prepare_server

PARTS, HISTORIES_IN_A_PART = 2, 3


@pytest.mark.parametrize("part", range(PARTS))
def test_generated_history_comes_back(
    server: Server, tmp_path: Path, part: int, record_property: Callable[[str, Any], None]
) -> None:
    with server.connect("postgres") as session:
        prepare_server(session)
    trial = Trial(server, tmp_path)

    @settings(
        max_examples=HISTORIES_IN_A_PART,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def try_one(number: int) -> None:
        if not trial.try_one(f"{part}-{number}", Random(f"{part}:{number}")):
            reject()

    try_one()

    trial.note(record_property)
    assert not trial.failures, trial.told
