"""Histories that are taken back and made again, as tests write them down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.property.snapshot import take
from tests.support.harness import Result, migrate, rollback
from tests.support.migrations import record
from tests.support.servers import Database, Server


@dataclass(frozen=True)
class Round:
    """A history, what the application does once it is applied, and the way back.

    + migrations: the statements of each; baseline: what was there before
    + fill: what the application does; script: the rollback script
    + after: what the application does in the end, and has to work; keeps: see the header of a rollback script
    """

    migrations: tuple[str, ...]
    fill: str
    script: str
    baseline: str = ""
    after: str = ""
    keeps: str = ""

    def write(self, folder: Path, server: Server) -> Path:
        """Writes the files into a folder, with their effects."""
        if self.baseline:
            (folder / "baseline.sql").write_text(self.baseline, encoding="utf-8")
        for number, text in enumerate(self.migrations, start=1):
            path = folder / f"{number:03}_made.sql"
            path.write_text(f"-- purpose: one of them\n-- phase: schema\n\n{text}", encoding="utf-8")
        record(folder, server)
        keeps = f"-- keeps: {self.keeps}\n" if self.keeps else ""
        header = f"-- purpose: back\n-- reverts: 001-{len(self.migrations):03}\n{keeps}\n"
        (folder / "rollback_all.sql").write_text(header + self.script, encoding="utf-8")
        return folder


def some(every: Collection[str], *usual: str) -> list[Any]:
    """Returns all of a table for "make soak", and those that are tried each time."""
    assert set(usual) <= set(every)
    return [pytest.param(name, marks=() if name in usual else pytest.mark.soak) for name in every]


def there_and_back(one: Round, server: Server, folder: Path) -> list[str]:
    """Goes all the way back and forth again; returns what is otherwise then."""
    sql = one.write(folder, server)
    with server.database("empty") as database:
        if one.baseline:
            database.run(one.baseline)
        first = take(database)
        settings = database.settings(pg_sql_dir=str(sql))
        ok(migrate(settings))
        database.run(one.fill)
        before = take(database)

        ok(rollback(settings))
        assert [line for line in take(database).differences(first) if not line.startswith("rows of")] == []
        forward = migrate(settings)

        ok(forward)
        found = take(database).differences(before)
        if one.after:
            database.run(one.after)
        assert still_kept(database) == [], forward.text
        return found


def ok(result: Result) -> None:
    assert result.ok, result.text


def still_kept(database: Database) -> list[tuple[str]]:
    """Returns the tables of what rollbacks took away that was not put back."""
    return database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'pgmigrate' AND tablename ~ '_[0-9]+$'")
