"""Adds to tests/integration/test_captured.py: every captured state, on every version."""

from __future__ import annotations

from contextlib import ExitStack

from tests.conftest import on_all_versions
from tests.support.captured import STATES, Maker, told
from tests.support.servers import Server


@on_all_versions
def test_a_live_server_answers_all_that_was_captured(server: Server) -> None:
    with ExitStack() as stack:
        assert told(server.version, list(STATES), Maker(server, stack)) == {}
