"""What the unit tests stand on is still true: a live server answers what was captured (tests/captured)."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.captured import VERSIONS
from tests.support.servers import Server
from tests.support.state_maker import Maker, told

# With all that they begin with: every kind of line and of answer; tests/soak has all states.
A_FEW = ("second", "applied-2", "interrupted-1-5", "odd-legacy")


@pytest.mark.parametrize("server", VERSIONS, indirect=True, ids=lambda one: f"pg{one}")
def test_a_live_server_answers_what_was_captured(server: Server) -> None:
    with ExitStack() as stack:
        assert told(server.version, A_FEW, Maker(server, stack)) == {}
