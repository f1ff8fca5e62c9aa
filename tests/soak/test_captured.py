"""Adds to tests/integration/test_captured.py: every captured state."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.captured import VERSIONS
from tests.support.servers import Server
from tests.support.state_maker import Maker, told
from tests.support.states import STATES


@pytest.mark.parametrize("server", VERSIONS, indirect=True, ids=lambda one: f"pg{one}")
def test_a_live_server_answers_all_that_was_captured(server: Server) -> None:
    with ExitStack() as stack:
        assert told(server.version, list(STATES), Maker(server, stack)) == {}
