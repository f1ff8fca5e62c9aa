"""Histories that are taken back and made again, as tests write them down: many in one database, one run for all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pyinfra_pgmigrate.rollback.drafts import draft
from pyinfra_pgmigrate.rollback.scripts import Draft

from tests.property.snapshot import take
from tests.support.harness import Result, migrate, rollback
from tests.support.migrations import record
from tests.support.servers import Database, Server
from tests.support.together import prefix, renaming, told, wrong


@dataclass(frozen=True)
class Round:
    """A history, what the application does once it is applied, and the way back.

    + migrations: the statements of each; baseline: what was there before
    + fill: what the application does; script: the rollback script, "" for one that is drafted
    + after: what the application does in the end, and has to work; keeps: see the header of a rollback script
    """

    migrations: tuple[str, ...]
    fill: str
    script: str = ""
    baseline: str = ""
    after: str = ""
    keeps: str = ""

    def write(self, folder: Path, server: Server) -> Path:
        """Writes the files into a folder, with their effects."""
        return Together({"made": self}, are_renamed=False).write(folder, server)

    def of_case(self, number: int) -> Round:
        """Returns the same under names that no other case has."""
        renamed = renaming((self.baseline, *self.migrations), number)
        texts = {key: renamed(getattr(self, key)) for key in ("fill", "script", "baseline", "after", "keeps")}
        return replace(self, migrations=tuple(map(renamed, self.migrations)), **texts)


class Together:
    """Cases that do not know of each other, in one database: a run is one for all of them.

    + rounds: by the name of the case
    + are_renamed: each is under names of its own
    """

    def __init__(self, rounds: Mapping[str, Round], *, are_renamed: bool = True) -> None:
        self.names = list(rounds)
        self.rounds = {
            name: one.of_case(number) if are_renamed else one for number, (name, one) in enumerate(rounds.items())
        }

    def prefix(self, name: str) -> str:
        """Returns what the names of a case begin with."""
        return prefix(self.names.index(name))

    def write(self, folder: Path, server: Server) -> Path:
        """Writes the files into a folder, with their effects; without a script where the first has none."""
        folder.mkdir(parents=True, exist_ok=True)
        baseline = "\n".join(f"{one.baseline};" for one in self.rounds.values() if one.baseline)
        if baseline:
            (folder / "baseline.sql").write_text(baseline, encoding="utf-8")
        texts = [(name, text) for name, one in self.rounds.items() for text in one.migrations]
        for number, (name, text) in enumerate(texts, start=1):
            path = folder / f"{number:03}_{re.sub('[^a-z]+', '_', name.lower())}.sql"
            path.write_text(f"-- purpose: one of them\n-- phase: schema\n\n{text}\n", encoding="utf-8")
        record(folder, server)
        scripts = [f"{one.script};" for one in reversed(self.rounds.values()) if one.script]
        if scripts:
            keeps = ", ".join(one.keeps for one in self.rounds.values() if one.keeps)
            header = f"-- purpose: back\n-- reverts: 001-{len(texts):03}\n" + (f"-- keeps: {keeps}\n" if keeps else "")
            (folder / "rollback_all.sql").write_text("\n".join([header, *scripts]), encoding="utf-8")
        return folder

    def draft(self, folder: Path, server: Server) -> Draft:
        """Drafts the script of a folder that was written, and writes it."""
        # More than there are.
        drafted = draft(folder, 1, 999, " ".join(f"{key}='{value}'" for key, value in server.conninfo.items()))
        (folder / "rollback_all.sql").write_text(drafted.text, encoding="utf-8")
        return drafted

    def run(self, database: Database, key: str) -> None:
        """Runs one of the texts of all cases; says which of them do not work."""
        failed = {}
        for name, one in self.rounds.items():
            try:
                database.run(getattr(one, key) or "SELECT")
            except Exception as error:
                failed[name] = str(error)
        assert failed == {}, failed

    def told(self, lines: Iterable[str]) -> dict[str, list[str]]:
        """Returns lines by the case that they are about."""
        return told(lines, self.names)

    def ok(self, result: Result) -> None:
        """Requires that a run went well; else says which cases it stopped at."""
        assert result.ok, f"{self.told(wrong(result.lines))}\n{result.text}"


def there_and_back(cases: Together, server: Server, folder: Path) -> None:
    """Goes all the way back and forth again: nothing of any case is otherwise then."""
    sql = cases.write(folder, server)
    with server.database("empty") as database:
        cases.run(database, "baseline")
        first = take(database)
        settings = database.settings(pg_sql_dir=str(sql))
        cases.ok(migrate(settings))
        cases.run(database, "fill")
        before = take(database)

        cases.ok(rollback(settings))
        back = [line for line in take(database).differences(first) if not line.startswith("rows of")]
        assert back == [], cases.told(back)
        forward = migrate(settings)

        cases.ok(forward)
        found = take(database).differences(before)
        assert found == [], cases.told(found)
        cases.run(database, "after")
        assert still_kept(database) == [], forward.text


def ok(result: Result) -> None:
    assert result.ok, result.text


def still_kept(database: Database) -> list[tuple[str]]:
    """Returns the tables of what rollbacks took away that was not put back."""
    return database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'pgmigrate' AND tablename ~ '_[0-9]+$'")
