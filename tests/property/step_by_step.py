"""Histories made one migration at a time, and taken back so: each step leads to the structure that was there before."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.migrations.record import record_folder
from pyinfra_pgmigrate.rollback.drafts import draft

from tests.support.harness import migrate, rollback
from tests.support.servers import Server

from .back_and_forth import _ON_ROWS, _ROWS_IN_THE_WAY, _reason, _without_places, _without_rows, _without_states
from .histories import DiscardedError, History, write_history
from .snapshot import Snapshot, take


@dataclass
class Steps:
    """What came of many histories on one server.

    + folder: where files are written
    + back: migrations that were taken back alone; told: what went wrong, with where the files are
    """

    server: Server
    folder: Path
    back: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        others = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        return f"taken back one by one: {self.back} migrations of histories: {others}; wrong: {len(self.told)}"

    def try_one(self, random: Random) -> None:
        """Writes a history and takes its last migrations back, as many as can be drafted without a hand."""
        try:
            with self.server.database("empty") as database:
                history, _ = write_history(random, database.session)
            # What those do to tables that stay no rollback knows.
            history = _without_rows(history, 0, _ON_ROWS)
            sql = history.write(self.folder / secrets.token_hex(4))
            drafted = self._drafted(history, sql)
        except (DiscardedError, PgMigrateError):
            self.kinds["discarded"] += 1
            return
        self.kinds["tried" if len(drafted) > 1 else "short"] += 1
        if len(drafted) > 1:
            self._try(history, sql, drafted)

    def _drafted(self, history: History, sql: Path) -> list[int]:
        """Returns the migrations that have a rollback script of their own, newest first."""
        conninfo = " ".join(f"{name}='{value}'" for name, value in self.server.conninfo.items()) + " dbname=postgres"
        for name, text in record_folder(sql, conninfo).items():
            (sql / name).write_bytes(text.encode())
        found = []
        for file in reversed(history.files):
            drafted = draft(sql, file.number, file.number, conninfo)
            if drafted.todos:
                break
            (sql / f"rollback_{file.number:03}.sql").write_bytes(drafted.text.encode())
            found.append(file.number)
        return found

    def _try(self, history: History, sql: Path, drafted: list[int]) -> None:
        with self.server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql), pg_on_conflict="quarantine")
            before: dict[int, Any] = {}
            for file in history.files:
                if file.number >= drafted[-1] - 1:
                    assert migrate({**settings, "pg_target": file.number}).ok
                    before[file.number] = _structure(take(database))
            for number in drafted:
                if number - 1 not in before:
                    return
                result = rollback({**settings, "pg_target": number - 1})
                if not result.ok and _ROWS_IN_THE_WAY.search(result.text):
                    self.kinds["refused for its rows"] += 1
                    return
                found = _structure(take(database)) if result.ok else None
                if found != before[number - 1]:
                    why = "leads to another structure" if result.ok else _reason(result)
                    self.told.append(f"{sql}: back to {number - 1}: {why}\n{result.text}")
                    return
                self.back += 1


def _structure(found: Snapshot) -> tuple[str, ...]:
    return Snapshot(_without_places(_without_states(found.structure))).structure
