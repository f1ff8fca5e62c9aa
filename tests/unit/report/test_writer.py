"""Whose journal a database has: one a database in a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyinfra_pgmigrate.report.writer import journal_of

from tests.support.contents import RUN


class _State:
    """May be forgotten, as pyinfra's."""


def test_two_databases_of_one_name_on_a_host_have_a_journal_each() -> None:
    state = _State()
    host: Any = SimpleNamespace(name="db-1", state=state)

    first = journal_of(host, "shop", "5432, schema public", RUN, None)
    second = journal_of(host, "shop", "5433, schema public", RUN, None)

    assert journal_of(host, "shop", "5432, schema public", RUN, None) is first
    assert journal_of(host, "shop", "5433, schema public", RUN, None) is second
    assert (first.database, second.database) == ("shop", "shop (5433, schema public)")
    other: Any = SimpleNamespace(name="db-2", state=state)
    assert journal_of(other, "shop", "5433, schema public", RUN, None).database == "shop"
