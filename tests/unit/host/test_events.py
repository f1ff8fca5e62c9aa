"""Who listens to what happens on a host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyinfra.api import Config, Host, Inventory, State
from pyinfra_pgmigrate.host import events
from pyinfra_pgmigrate.host.events import Listener, Silence, Told, listener_of, subscribe
from pyinfra_pgmigrate.psql.script import Run

from tests.support.contents import RUN


@pytest.fixture
def host() -> Host:
    found = State(Inventory((["@local"], {})), Config()).inventory.get_host("@local")
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def subscribers() -> Iterator[None]:
    """Nobody has subscribed; who had gets his place back."""
    before = list(events._makes)
    events._makes.clear()
    yield
    events._makes[:] = before


class Ear:
    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[object] = []

    def hear(self, event: object) -> None:
        self.heard.append(event)


def test_where_nobody_subscribed_nobody_listens(host: Host) -> None:
    found = listener_of(host, "shop", "schema public", RUN, None)

    found.hear(Told("x"))
    assert isinstance(found, Silence)


def test_who_subscribed_last_listens_to_each_database(host: Host, tmp_path: Path) -> None:
    asked: list[tuple[str, str, str, Path | None]] = []

    def make(host: Host, database: str, place: str, run: Run, reports: Path | None) -> Listener:
        asked.append((host.name, database, place, reports))
        return Ear(database)

    subscribe(lambda *_: Ear("first"))
    subscribe(make)
    found = listener_of(host, "shop", "schema public", RUN, tmp_path)
    found.hear(Told("x"))

    assert isinstance(found, Ear)
    assert (found.name, found.heard) == ("shop", [Told("x")])
    assert asked == [("@local", "shop", "schema public", tmp_path)]
