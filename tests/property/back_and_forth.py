"""Histories taken back and made again: structure, rows and sequences are what they were."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.migrations.record import record_folder
from pyinfra_pgmigrate.rollback.drafts import draft

from tests.support.harness import Result, migrate, rollback
from tests.support.servers import Database, Server

from .application import Application, refresh
from .check import Failure, _in_short
from .histories import DiscardedError, History, write_history
from .minimal import keep
from .snapshot import Snapshot, take

# Statements on rows: what they do to tables that stay no rollback knows.
_ON_ROWS = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE|DO|CALL|WITH|SELECT|COPY)\b", re.IGNORECASE)

# Those that take rows from other tables, more of them than the first time, where the application has written since;
# and those that take a number from a sequence, which is another one the second time.
_FROM_OTHERS = re.compile(
    r"\s*(?:CREATE|SELECT)\b.*\b(?:AS|INTO)\b.*\bFROM\b|\s*(?:INSERT|WITH)\b.*\bFROM\b|\s*SELECT nextval\b", re.DOTALL
)

# A column that draws its values from a sequence, for the rows that are there as well.
_FILLING = re.compile(
    r"ADD COLUMN (?:IF NOT EXISTS )?(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>\w+)) [^;]*(?:AS IDENTITY|serial\b)"
)

# Why a way may be refused: rows that the application has written since do not fit what was before.
_ROWS_IN_THE_WAY = re.compile(
    r"would violate the unique rule that is restored|violates (?:check|foreign key|unique|exclusion) constraint|contains null values"
    r"|could not create (?:unique index|exclusion constraint)|is violated by some row|out of range|invalid input|value too long"
)


# Of one schema of several.
_ELSEWHERE = "it changes what is not in its schema"


@dataclass
class Figures:
    """What a trial comes to.

    + back: migrations that were taken back; rows: that the application wrote and that were there again
    + hands: drafts that say TODO, by what; refusals: of rollbacks, by why
    """

    histories: int = 0
    discarded: int = 0
    migrations: int = 0
    back: int = 0
    rows: int = 0
    tables: int = 0
    sequences: int = 0
    seconds: float = 0.0
    hands: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.histories} histories with {self.migrations} migrations in {self.seconds:.0f} s, {self.discarded} "
                f"discarded; taken back and made again: {self.back} migrations, {self.tables} tables with {self.rows} rows "
                f"and {self.sequences} sequences; differences: {sum(self.failures.values())}",
                f"drafts that need a hand: {sum(self.hands.values())}",
                *(f"    {count} {kind}" for kind, count in self.hands.most_common()),
                f"refused: {sum(self.refusals.values())}",
                *(f"    {count} {kind}" for kind, count in self.refusals.most_common()),
                *(f"FAILED {count} {kind}" for kind, count in self.failures.most_common()),
            ]
        )


@dataclass
class Trial:
    """Tries histories on one server.

    + folder: where files are written
    + schemas: of the database, where each has migrations of its own; then what is not in one is refused
    """

    server: Server
    folder: Path
    schemas: tuple[str, ...] = ()
    figures: Figures = field(default_factory=Figures)
    failures: dict[str, tuple[Failure, Path]] = field(default_factory=dict)

    def try_one(self, name: str, random: Random) -> bool:
        """Writes a history, takes part of it back and makes it again; tells whether it was one."""
        started = monotonic()
        try:
            with self.server.database("empty") as database:
                history, _ = write_history(random, database.session)
            place = 0 if random.random() < 0.5 else random.randint(0, len(history.files) - 1)
            if place:
                history = _without_rows(history, place, _FROM_OTHERS)
            if place and random.random() < 0.7:
                history = _without_rows(history, place, _ON_ROWS)
            failure = self._tried(history, place, random)
        except DiscardedError:
            self.figures.discarded += 1
            return False
        self.figures.histories += 1
        self.figures.migrations += len(history.files)
        if failure is not None:
            self.figures.failures[failure.kind] += 1
            self.failures.setdefault(failure.kind, (failure, keep(f"back-{name}", history, failure)))
        self.figures.seconds += monotonic() - started
        return True

    def _tried(self, history: History, place: int, random: Random) -> Failure | None:
        sql = history.write(self.folder / secrets.token_hex(4))
        conninfo = " ".join(f"{name}='{value}'" for name, value in self.server.conninfo.items()) + " dbname=postgres"
        try:
            for name, text in record_folder(sql, conninfo).items():
                (sql / name).write_bytes(text.encode())
            drafted = draft(sql, place + 1, history.files[-1].number, conninfo)
        except PgMigrateError as error:
            raise DiscardedError(str(error)) from error
        if drafted.todos:
            self.figures.hands[_kind_of(drafted.todos[0])] += 1
            return None
        (sql / "rollback_all.sql").write_bytes(drafted.text.encode())
        with self.server.database("empty") as database:
            limit = {"pg_schemas": list(self.schemas)} if self.schemas else {}
            settings = database.settings(pg_sql_dir=str(sql), pg_on_conflict="quarantine", pg_batch_from=1, **limit)
            there_and_back = _Run(database, settings, place, random, drafted.text)
            there_and_back.filling = tuple(_filling(history, place))
            failure = there_and_back.failure()
        if failure is not None and self.schemas and _ELSEWHERE in failure.detail:
            raise DiscardedError(failure.what)
        if there_and_back.refusal:
            self.figures.refusals[there_and_back.refusal] += 1
        elif failure is None:
            self.figures.back += len(history.files) - place
            self.figures.rows += there_and_back.rows
            self.figures.tables += len(there_and_back.before.rows)
            self.figures.sequences += len(there_and_back.before.sequences)
        return failure

    def note(self, record_property: Callable[[str, Any], None]) -> None:
        """Prints the figures at the end of the tests."""
        record_property("figures", str(self.figures))

    @property
    def told(self) -> str:
        """All failures, one of each kind, with where its files are."""
        return "\n\n".join(f"{failure.kind}\n{folder}\n{failure.detail}" for failure, folder in self.failures.values())


class _Run:
    """One history on one database: there, used, back, and there again."""

    def __init__(self, database: Database, settings: dict[str, Any], place: int, random: Random, script: str) -> None:
        self.database = database
        self.settings = settings
        self.place = place
        self.random = random
        self.script = script
        self.filling: tuple[str, ...] = ()
        self.refusal = ""
        self.rows = 0
        self.before = Snapshot(())

    def failure(self) -> Failure | None:
        """Returns what does not hold."""
        first: Snapshot | None = None
        if self.place:
            result = self._run(migrate, pg_target=self.place)
            if not result.ok:
                return self._failed("there", result)
        first = take(self.database)
        result = self._run(migrate)
        if not result.ok:
            return self._failed("there", result)
        application = Application(self.random, self.database.session)
        application.run()
        self.rows = application.rows
        self.before = take(self.database)
        back = self._run(rollback, pg_target=self.place)
        if not back.ok:
            if not _ROWS_IN_THE_WAY.search(back.text):
                return self._failed("back", back)
            self.refusal = _reason(back)
            return self._compared("refused", back, self.before)
        found = take(self.database)
        found, first = (Snapshot(_without_places(_without_states(one.structure))) for one in (found, first))
        if found.structure != first.structure:
            return self._differ("back", back, found, first)
        forward = self._run(migrate)
        if not forward.ok:
            if not _ROWS_IN_THE_WAY.search(forward.text):
                return self._failed("forth", forward)
            # A rule that a later migration drops: rows that were written after that do not fit it.
            self.refusal = f"forth: {_reason(forward)}"
            return None
        refresh(self.database.session)
        found = take(self.database)
        expected = replace(self.before, sequences=self._sequences(found))
        found, expected = (replace(one, structure=_without_places(one.structure)) for one in (found, expected))
        return self._differ("forth", forward, found, expected)

    def _sequences(self, found: Snapshot) -> dict[str, int | None]:
        """Returns where sequences should be: one that fills a new column of rows draws for all that are there now."""

        def where(name: str, last: int | None) -> int | None:
            now = found.sequences.get(name)
            is_further = last is not None and now is not None and now > last
            return now if is_further and name.endswith(self.filling) else last

        return {name: where(name, last) for name, last in self.before.sequences.items()}

    def _run(self, what: Callable[[dict[str, Any]], Result], **more: Any) -> Result:
        try:
            return what({**self.settings, **more})
        except Exception as error:
            return Result([f"Error: {type(error).__name__}: {error}"], ok=False)

    def _failed(self, check: str, result: Result) -> Failure:
        return Failure(check, _reason(result), "\n".join([*result.lines, "--- the script", self.script]))

    def _compared(self, check: str, result: Result, expected: Snapshot) -> Failure | None:
        return self._differ(check, result, take(self.database), expected)

    def _differ(self, check: str, result: Result, found: Snapshot, expected: Snapshot) -> Failure | None:
        differences = list(_worded(found.differences(expected)))
        if not differences:
            return None
        what = "differs in structure" if found.structure != expected.structure else "differs in rows"
        return Failure(check, what, "\n".join([*differences, "---", *result.lines, "--- the script", self.script]))


def _filling(history: History, place: int) -> Iterator[str]:
    """Yields the ends of the names of sequences that migrations from a place on make for a column of a table."""
    for file in history.files:
        for statement in file.statements if file.number > place else ():
            for found in _FILLING.finditer(statement.text):
                yield f"_{found['quoted'] or found['bare']}_seq"


def _worded(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield line.replace("with psql", "before")


_CREATE_TABLE = re.compile(
    r"^(?P<head>CREATE (?:UNLOGGED )?TABLE (?P<name>[^\n]+) \(\n)(?P<columns>(?:    [^\n]*\n)*)(?P<end>\)[^\n]*\n(?P<child>INHERITS)?)",
    re.MULTILINE,
)


def _without_places(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the lines of a dump without what no catalog line says and no SQL can lead back to.

    + places of columns: what is made again is the last one
    + whether a child declares the columns of its parent, too: it does since NO INHERIT
    """
    children: list[str] = []

    def table(found: re.Match[str]) -> str:
        if found["child"]:
            children.append(found["name"])
            return found["head"] + found["end"]
        columns = sorted(line.removesuffix(",") for line in found["columns"].splitlines())
        return found["head"] + "".join(f"{line}\n" for line in columns) + found["end"]

    text = _CREATE_TABLE.sub(table, "".join(f"{line}\n" for line in lines))
    defaults = tuple(f"ALTER TABLE ONLY {name} ALTER COLUMN " for name in children)
    return tuple(line for line in text.split("\n")[:-1] if not line.startswith(defaults))


def _without_states(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the lines of a snapshot without whether a materialized view has rows, which no catalog line says."""
    return tuple(line.removesuffix(" filled f").removesuffix(" filled t") for line in lines)


def _reason(result: Result) -> str:
    if result.refusals:
        message = result.refusals[0].split("\n")[0]
        return _in_short(re.sub(r'^could not apply [^"]*"[^"]*": ', "", message))
    return _in_short(next((line for line in result.lines if "rror" in line), "failed"))


def _kind_of(todo: str) -> str:
    if " writes rows of " in todo:
        return "a statement writes rows of a table that stays"
    if " was dropped" in todo:
        return f"a {todo.split(' ', maxsplit=1)[0]} was dropped with what it held"
    if " does not run: " in todo:
        return f"does not run: {_in_short(todo.split(' does not run: ', maxsplit=1)[1])}"
    return f"a {todo.split(' ', maxsplit=1)[0]} of which the lines do not tell the SQL"


def _without_rows(history: History, place: int, statements: re.Pattern[str]) -> History:
    """Returns a history without some statements after some of its migrations."""
    files = tuple(
        file
        if file.number <= place
        else replace(
            file, statements=tuple(one for one in file.statements if not statements.match(one.text)), verify=None
        )
        for file in history.files
    )
    return History(files)
