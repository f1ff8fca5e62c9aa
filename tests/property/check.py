"""What must hold of every history: whichever way a database came where it is, it ends where psql alone ends."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.support.harness import Result, migrate, status
from tests.support.servers import Database, Server

from .histories import File, History
from .pen import Sql
from .proxy import Proxy, proxy_to
from .snapshot import Snapshot, environment, take

# Statements whose values come from a sequence: what a step that was undone took of it does not come back.
_COUNTS = re.compile(r"serial|IDENTITY|nextval|setval|SEQUENCE", re.IGNORECASE)


# From nothing, and again; stopped, and again; after psql ran all but the last, or the first few; and without a word of it.
CHECKS = (
    "from nothing",
    "stopped between steps",
    "stopped anywhere",
    "last pending",
    "some by psql",
    "never wrong",
)


@dataclass(frozen=True)
class Cut:
    """Where a history is cut, and how it runs.

    + is_batch: all that is pending in one session
    + middles: what psql ran for "some by psql" and "never wrong"; pending: how many are left for "last pending"
    """

    is_batch: bool
    middles: Collection[int]
    pending: int = 1

    @classmethod
    def chosen(cls, random: Random | None, last: int) -> Cut:
        """Returns a cut of a history with so many migrations; without random all of them."""
        if random is None:
            return cls(True, range(1, last + 1))
        return cls(random.random() < 0.7, [random.randint(1, last)])


class RefusedByPsqlError(Exception):
    """psql alone does not take the history: it is none."""


@dataclass(frozen=True)
class Failure:
    """What did not hold.

    + check: which of the checks
    + what: in a few words without names and numbers, so that failures of one kind can be counted
    + detail: all of it
    """

    check: str
    what: str
    detail: str

    @property
    def kind(self) -> str:
        """Check and what, for counting."""
        return f"{self.check}: {self.what}"


_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_DIGITS = re.compile(r"\d+")


def _in_short(text: str) -> str:
    return _DIGITS.sub("N", _QUOTED.sub("X", text))[:160]


@dataclass
class Checker:
    """Checks histories on one server.

    + folder: where files are written
    """

    server: Server
    folder: Path
    proxy: Proxy
    environment: dict[str, str] = field(default_factory=dict)

    # psql's own result.

    def psql(self, database: str, file: File) -> None:
        """Runs one migration by psql alone.

        Raises RefusedByPsqlError.
        """
        command = [str(self.server.bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
        done = subprocess.run(
            command, input=file.psql.encode(), env=self.environment, check=False, capture_output=True, timeout=120
        )
        if done.returncode:
            raise RefusedByPsqlError(f"{file.name}: {done.stderr.decode()}")

    @contextmanager
    def copy(self, of: str) -> Iterator[Database]:
        """Makes a database from another one to which nobody is connected."""
        name = f"test_{secrets.token_hex(4)}"
        self.server.administer("CREATE DATABASE {} TEMPLATE {}", name, of)
        database = Database(self.server, name)
        try:
            yield database
        finally:
            database.close()
            self.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    # All checks of one history.

    def check(
        self,
        history: History,
        random: Random | None = None,
        checks: Collection[str] = CHECKS,
        *,
        cut: Cut | None = None,
        again: bool = True,
    ) -> list[Failure]:
        """Returns what does not hold; a check that needs another one is not made where that one fails.

        + random: chooses where the history is cut; None: everywhere
        + checks: those of CHECKS that are made; "from nothing" always is
        + cut: None: as it is chosen; again: a run and a status follow where nothing is left to do
        Raises RefusedByPsqlError.
        """
        cut = cut or Cut.chosen(random, len(history.files))
        with ExitStack() as stack:
            return list(_Checks(self, history, random, cut, stack, again=again).all(checks))


class _Checks:
    def __init__(
        self, checker: Checker, history: History, random: Random | None, cut: Cut, stack: ExitStack, *, again: bool
    ) -> None:
        self.checker = checker
        self.server = checker.server
        self.history = history
        self.random = random
        self.stack = stack
        self.sql = history.write(checker.folder / secrets.token_hex(4))
        self.cut = cut
        self.goes_on = again
        self.copies: dict[int, Database] = {}
        # Texts of the queries of a whole run.
        self.queries: list[str] = []
        self.left = history.files[-1].number - cut.pending
        self.expected = self._by_psql({self.left, *cut.middles} - {0})

    def _by_psql(self, places: set[int]) -> Snapshot:
        """Returns what psql alone ends with, and keeps copies after some migrations."""
        database = self.stack.enter_context(self.server.database("empty"))
        for file in self.history.files:
            self.checker.psql(database.name, file)
            if file.number in places:
                self.copies[file.number] = self.stack.enter_context(self.checker.copy(database.name))
        return take(database)

    def all(self, checks: Collection[str]) -> Iterator[Failure]:
        """Yields what does not hold."""
        failure = self._recorded() or self._from_nothing()
        if failure is not None:
            yield failure
        if not self.queries:
            return
        if failure is None:
            places = _places(self.queries, self.history.statements)
            for check, chosen in zip(("stopped between steps", "stopped anywhere"), places, strict=True):
                for place in self._chosen(chosen) if check in checks else ():
                    yield from self._stopped(check, place)
        if "last pending" in checks and self.left:
            yield from self._adopted("last pending", self.left)
        for place in self.cut.middles:
            if "some by psql" in checks and (place != self.left or "last pending" not in checks):
                yield from self._adopted("some by psql", place)
            if "never wrong" in checks:
                yield from self._never_wrong(place)

    def _chosen(self, places: Sequence[int]) -> Sequence[int]:
        if self.random is None or not places:
            return places
        return [self.random.choice(places)]

    def _recorded(self) -> Failure | None:
        conninfo = " ".join(f"{name}='{value}'" for name, value in self.server.conninfo.items())
        try:
            texts = record_folder(self.sql, f"{conninfo} dbname=postgres")
        except PgMigrateError as error:
            return Failure("record", _in_short(error.refusal.message), str(error))
        except Exception as error:
            return Failure("record", f"{type(error).__name__}: {_in_short(str(error))}", str(error))
        for name, text in texts.items():
            (self.sql / name).write_bytes(text.encode())
        return None

    def _settings(self, database: Database, **more: Any) -> dict[str, Any]:
        return database.settings(
            **{
                "pg_sql_dir": str(self.sql),
                "pg_batch_from": 1 if self.cut.is_batch else 50,
                "pg_run_wait_s": 30.0,
                **more,
            }
        )

    def _through_proxy(self, database: Database) -> dict[str, Any]:
        proxy = self.checker.proxy
        return self._settings(database, pg_host=str(proxy.folder), pg_port=proxy.port)

    # From nothing, and again; stopped, and again.

    def _from_nothing(self) -> Failure | None:
        proxy = self.checker.proxy
        proxy.expect()
        with self.server.database("empty") as database:
            result = _run(self._through_proxy(database))
            self.queries = list(proxy.queries)
            found = self._compared("from nothing", database, result)
            return self._again("again", database) if found is None and self.goes_on else found

    def _stopped(self, check: str, place: int) -> Iterator[Failure]:
        proxy = self.checker.proxy
        with self.server.database("empty") as database:
            proxy.expect(stop_before=place)
            _run(self._through_proxy(database))
            after = proxy.queries[place - 1] if 0 < place <= len(proxy.queries) else ""
            proxy.expect()
            # A busy machine looks after its sessions more often than it did before: then the stop came elsewhere, and
            # may have undone what a sequence gave.
            wanted = self.queries[place - 1]
            is_there = after == wanted or (after.startswith("COMMIT") and wanted.startswith("COMMIT"))
            if not is_there and _counts(self.history.statements):
                return
            after = after[:200]
            result = _run(self._settings(database))
            found = self._compared(check, database, result)
            if found is not None:
                yield Failure(found.check, found.what, f"stopped before query {place}, after: {after}\n{found.detail}")

    # After psql ran some of it.

    def _adopted(self, check: str, place: int) -> Iterator[Failure]:
        with self.checker.copy(self.copies[place].name) as database:
            found = self._compared(check, database, _run(self._settings(database, pg_applied=place)))
            if found is None:
                found = self._again(f"{check}, again", database)
            if found is not None:
                yield Failure(found.check, found.what, f"pg_applied={place}\n{found.detail}")

    def _never_wrong(self, place: int) -> Iterator[Failure]:
        """Without pg_applied: refused and nothing changed, or equal; never anything else."""
        copy = self.copies[place]
        with self.checker.copy(copy.name) as database:
            result = _run(self._settings(database))
            if result.ok:
                expected, what = self.expected, "ended otherwise"
            else:
                expected, what = take(copy), f"changed, but {_refusal_in_short(result)}"
            differences = take(database).differences(expected)
            if differences:
                yield Failure("never wrong", what, _told(result, [f"psql ran {place}", *differences]))

    # What each of them compares.

    def _again(self, check: str, database: Database) -> Failure | None:
        result = _run(self._settings(database))
        if not result.ok or result.refusals:
            return Failure(check, _refusal_in_short(result), result.text)
        if result.changed:
            return Failure(check, "changed something", result.text)
        seen = status(self._settings(database))
        if not seen.ok or "no drift" not in seen.lines:
            drift = next((line for line in seen.lines if line.startswith("drift")), "no answer")
            return Failure(check, f"status: {_in_short(drift)}", seen.text)
        differences = take(database).differences(self.expected)
        return Failure(check, "differs", "\n".join(differences)) if differences else None

    def _compared(self, check: str, database: Database, result: Result) -> Failure | None:
        if not result.ok or result.refusals:
            return Failure(check, _refusal_in_short(result), result.text)
        differences = take(database).differences(self.expected)
        if differences:
            return Failure(check, "differs", _told(result, differences))
        return None


def _places(queries: Sequence[str], statements: Sequence[Sql]) -> tuple[list[int], list[int]]:
    """Returns where a run can be stopped: after each transaction from the first step on, and within the steps.

    Within a step, after a statement that is alone, which stays, and after the first of a transaction, which is undone:
    but not what it took from a sequence, so that where there is one nothing could be compared.
    """
    counts = _counts(statements)
    alone = {one.text for one in statements if one.alone}
    texts = {one.text for one in statements}
    between: list[int] = []
    inside: list[int] = []
    begun = False
    is_first = True
    for place, query in enumerate(queries[:-1]):
        text = query.strip().removesuffix(";")
        if query.startswith("COMMIT"):
            between += [place + 1] if begun else []
            is_first = True
        elif text in texts:
            inside += [place + 1] if text in alone or (is_first and not counts) else []
            begun, is_first = True, False
    return between, inside


def _counts(statements: Sequence[Sql]) -> bool:
    return any(_COUNTS.search(one.text) for one in statements)


def _told(result: Result, differences: list[str]) -> str:
    return "\n".join([*differences, "--- what the run said", *result.lines])


def _refusal_in_short(result: Result) -> str:
    if result.refusals:
        return _in_short(result.refusals[0].split("\n")[0])
    return _in_short(next((line for line in result.lines if "rror" in line), "failed"))


def _run(data: Mapping[str, Any]) -> Result:
    """Runs migrate_database; what it raises is a result as well."""
    try:
        return migrate(data)
    except Exception as error:
        return Result([f"Error: {type(error).__name__}: {error}"], ok=False)


@contextmanager
def checker(server: Server, folder: Path) -> Iterator[Checker]:
    """Gives what checks histories on a server."""
    with proxy_to(server.conninfo) as proxy:
        yield Checker(server, folder, proxy, environment(server))
