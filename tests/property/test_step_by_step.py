"""Migrations are taken back one by one, each with a script of its own, as well as all together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.property.histories import prepare_server
from tests.property.step_by_step import Steps
from tests.support.servers import Server

# Of the first forty, those that went wrong once: what was taken back was taken for a migration that had begun.
HISTORIES = (5, 10)


def test_each_step_back_leads_to_what_was_before(
    server: Server, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    with server.connect("postgres") as session:
        prepare_server(session)
    steps = Steps(server, tmp_path)

    for number in HISTORIES:
        steps.try_one(Random(f"step{number}"))

    record_property("figures", str(steps))
    assert steps.told == []
    assert steps.back > len(HISTORIES)
