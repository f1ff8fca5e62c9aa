"""One host's database: read it, plan, run scripts on it, and tell what happens.

Between the pure plan and pyinfra's operations. Whatever is found out about this host is a value
(``Refusal``): an exception would stop the other hosts.
"""

from __future__ import annotations

import getpass
import random
import socket
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version as distribution_version
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from pyinfra import context, logger
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.state import StateStage

from ..application.compatibility import Use, compatibility_checks, load_uses
from ..application.queries import Query, load_queries
from ..application.requirements import Requirement, lacking, not_applicable
from ..application.totals import Total, load_totals
from ..drift.detect import Drifts, find_drift
from ..errors import Kind, Refusal
from ..migrations.files import Migration, load_folder
from ..planning.plan import Plan, make_plan, to_ask
from ..psql import answers, command, questions
from ..psql.answers import Unreadable
from ..psql.command import Answer, Command
from ..psql.script import Run
from ..registry.model import Blocker, Observed, OtherRun, Verified
from ..report.console import visible
from ..report.journal import Journal
from ..report.writer import journal_of
from ..rollback.plan import Rollback, conflicts_of, load_rollbacks, make_rollback, resolving
from ..settings import Connection, Settings, read_settings
from ..validation.checks import Check, Verdict, added_by, validate
from ..validation.query_cost import Comparison, Measured, Terms, compare, due_queries
from . import fact

# One run a start of the program, whichever hosts and databases it works on.
_run_ids: WeakKeyDictionary[State, str] = WeakKeyDictionary()

# The backup that was taken before the migrations of this start of the program, by host and database.
_backups: WeakKeyDictionary[Host, dict[str, str]] = WeakKeyDictionary()

TOOL_VERSION = distribution_version("pyinfra-pgmigrate")

_WATCH_EVERY_S = 2.0

# Name and time of change of each file, nanoseconds.
_Stamp = tuple[tuple[str, int], ...]


class _Needs(Protocol):
    """A file of the application: what it needs of a database, and where it is in the SQL folder."""

    @property
    def path(self) -> str: ...

    @property
    def requires(self) -> tuple[Requirement, ...]: ...


_File = TypeVar("_File", bound=_Needs)


def current_host() -> Host:
    """Returns the host whose turn it is, itself and not pyinfra's stand-in for it."""
    found = context.state.inventory.get_host(context.host.name)
    if found is None:
        raise LookupError(f"{context.host.name} is not in the inventory")
    return found


def is_preparing() -> bool:
    """Tells whether nothing may be run yet."""
    return bool(context.state.current_stage < StateStage.Execute)


@cache
def _folder(path: Path, _stamp: _Stamp) -> tuple[Migration, ...]:
    return load_folder(path)


@cache
def _application(path: Path, _stamp: _Stamp) -> tuple[tuple[Use, ...], tuple[Total, ...]]:
    return load_uses(path), load_totals(path)


@cache
def _queries(path: Path, versions: frozenset[int], _stamp: _Stamp) -> tuple[Query, ...]:
    return load_queries(path, versions)


def _stamp(*folders: Path) -> _Stamp:
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return tuple((str(path), path.stat().st_mtime_ns) for path in files)


# The files as they were when a run first read them: what was looked at, and rehearsed, is what runs, whatever becomes
# of them meanwhile.
_stamps: WeakKeyDictionary[State, dict[tuple[Path, ...], _Stamp]] = WeakKeyDictionary()


def _once(state: State, *folders: Path) -> _Stamp:
    """Returns the stamp that some folders had when this run first asked for it."""
    kept = _stamps.setdefault(state, {})
    if folders not in kept:
        kept[folders] = _stamp(*folders)
    return kept[folders]


@dataclass(frozen=True)
class Engine:
    """One host with its settings and migrations.

    + uses: what the application does; totals: what must be the same before and after
    + prefix: before every line that it tells; not empty where it works on a copy
    + journal: takes down what happens
    """

    host: Host
    settings: Settings
    migrations: tuple[Migration, ...]
    uses: tuple[Use, ...] = ()
    totals: tuple[Total, ...] = ()
    prefix: str = ""
    journal: Journal = field(default_factory=lambda: Journal("", ""), compare=False)

    @classmethod
    def of(cls, host: Host, overrides: Mapping[str, Any]) -> Engine:
        """Returns the engine for a host.

        + overrides: host data keys that stand above the host's own
        Raises PgMigrateError: settings, file, effect.
        """
        data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
        settings = read_settings({**data, **overrides})
        folder = settings.sql_dir
        migrations = _folder(folder, _once(host.state, folder))
        uses, totals = _application(folder, _once(host.state, folder / "compatibility", folder / "totals"))
        reports = settings.report_dir if settings.report else None
        journal = journal_of(host, settings.connection.database, _run_on(host), reports)
        return cls(host, settings, migrations, uses, totals, journal=journal)

    @property
    def run(self) -> Run:
        """Who runs this, from where."""
        return _run_on(self.host)

    def applying(self, files: Sequence[_File], seen: Observed) -> tuple[_File, ...]:
        """Returns those files of the application that apply to this database; tells of the others, once a run.

        + seen: the database, which has just been read
        """
        found = []
        for file in files:
            missing = lacking(file.requires, seen)
            if not missing:
                found.append(file)
            elif file.path not in self.journal.not_applicable:
                self.journal.not_applicable[file.path] = not_applicable(file.path, missing)
                self.tell(self.journal.not_applicable[file.path])
        return tuple(found)

    # Reading.

    def look(self, *, asks: bool = False) -> Observed | Refusal:
        """Returns the database as it is now.

        + asks: also what the verify queries of the registered migrations say, in the same session
        """
        queries = {one.version: one.verify for one in self.migrations if one.verify is not None} if asks else {}
        request = fact.observe_request(self.run, self.settings.connection, self.settings.schema, queries)
        found = self.host.get_fact(fact.Database, request, _stdin=request.stdin)
        return found if isinstance(found, Observed) else self._unreadable(found)

    def _unreadable(self, found: Unreadable | None) -> Refusal:
        return answers.refusal(found, host=self.host.name, connection=self.settings.connection)

    def plan(self, *, ask: Collection[int] | None = None, observed: Observed | None = None) -> Plan | Refusal:
        """Returns what a run does now.

        + ask: versions whose verify queries are asked; None: all
        + observed: the database, where it has just been read
        """
        seen = observed if observed is not None else self.look()
        if isinstance(seen, Refusal):
            return seen
        first = make_plan(self.migrations, seen, self.settings, {})
        queries = to_ask(first, ask)
        if not queries:
            return first
        answers = self._answers(queries, seen)
        return answers if isinstance(answers, Refusal) else make_plan(self.migrations, seen, self.settings, answers)

    def plan_rollback(self, *, target: int | None, observed: Observed | None = None) -> Rollback | Refusal | None:
        """Returns what a rollback does now, why it may not, or None where nothing is to go.

        + target: version that stays; None: what the newest rollback script leaves
        + observed: the database, where it has just been read
        """
        seen = observed if observed is not None else self.look()
        if isinstance(seen, Refusal):
            return seen
        scripts = load_rollbacks(self.settings.sql_dir)
        found = make_rollback(self.migrations, scripts, seen, target)
        if not isinstance(found, Rollback):
            return found
        request = fact.obstacles_request(self.run, self.settings.connection, self.settings.schema, found)
        in_the_way = self.host.get_fact(fact.Obstacles, request, _stdin=request.stdin)
        if in_the_way is None or isinstance(in_the_way, Unreadable):
            return self._unreadable(in_the_way)
        return resolving(
            found,
            seen.catalog,
            conflicts_of(found, in_the_way.conflicts),
            in_the_way.dependents,
            on_conflict=self.settings.on_conflict,
            keeps_dependents=self.settings.dependents == "quarantine",
            table_bytes=in_the_way.table_bytes,
            needed_bytes=in_the_way.needed_bytes,
        )

    def drift(self, seen: Observed) -> Drifts | None:
        """Returns what other hands changed since the last run; None where there is no registry."""
        return find_drift(seen, self.migrations, ignore=self.settings.drift_ignore or ())

    @property
    def queries(self) -> tuple[Query, ...]:
        """The queries whose cost is measured, read once a run; none with pg_measure=never.

        Raises PgMigrateError (file).
        """
        if self.settings.measure == "never":
            return ()
        folder = self.settings.sql_dir
        versions = frozenset(migration.version for migration in self.migrations)
        return _queries(folder, versions, _once(self.host.state, folder / "queries"))

    def measure(self, seen: Observed) -> list[Measured]:
        """Returns what the queries cost that apply to this database as it is; asks the host once.

        + seen: the database, which has just been read
        One that does not apply and was measured before all the same has lost what it needs: it is among them.
        """
        queries = due_queries(self.queries, seen.applied)
        if not queries:
            return []
        request = fact.measure_request(
            self.run,
            self.settings.connection,
            self.settings.schema,
            queries,
            timeout_s=self.settings.query_timeout_s,
        )
        found = self.host.get_fact(fact.MeasuredQueries, request, _stdin=request.stdin)
        answers = {one.query: one for one in found} if isinstance(found, list) else {}
        kept = {name for name, one in answers.items() if one.first is not None}
        here = kept.union(one.name for one in self.applying([one for one in queries if one.name not in kept], seen))
        why = found.message if isinstance(found, Unreadable) else ""
        return [
            answers.get(query.name) or Measured(query.name, None, why or "no answer")
            for query in queries
            if query.name in here
        ]

    def comparisons(
        self, seen: Observed, *, is_kept: bool = False, failed: Mapping[str, str] | None = None
    ) -> tuple[Comparison, ...]:
        """Returns each query that can run here before and after, measured now; asks the host once.

        + is_kept, failed: see ``Terms``
        """
        terms = Terms(self.settings.regression_factor, is_kept, {} if failed is None else failed)
        measured = {one.query: one for one in self.measure(seen)}
        return compare([query for query in self.queries if query.name in measured], list(measured.values()), terms)

    def validate(self, seen: Observed, comparisons: Sequence[Comparison]) -> Iterator[Check]:
        """Yields the checks of the database, which has just been read; asks the host.

        + comparisons: of the queries, which have just been measured
        """
        queries = {
            one.version: one.verify for one in self.migrations if one.version in seen.applied and one.verify is not None
        }
        answers = self._answers(queries, seen)
        request = fact.warnings_request(
            self.run, self.settings.connection, self.settings.schema, added_by(self.migrations, seen)
        )
        found = self.host.get_fact(fact.Warnings, request, _stdin=request.stdin)
        yield from validate(
            self.migrations,
            seen,
            {} if isinstance(answers, Refusal) else answers,
            found,
            self.drift(seen),
            strict=self.settings.strict,
        )
        # As a superuser among functions of others it is refused: see ``plan``.
        tries = self.settings.compatibility and not seen.server.foreign_code
        uses = self.applying(self.uses, seen) if tries else ()
        if uses:
            request = fact.uses_request(self.run, self.settings.connection, self.settings.schema, uses)
            tried = self.host.get_fact(fact.TriedUses, request, _stdin=request.stdin)
            names = {one.version: one.name for one in self.migrations}
            yield from compatibility_checks(uses, tried, seen.applied.keys(), names)
        if self.settings.measure == "never":
            hint = "--data pg_measure=changes"
            yield Check(
                Verdict.WARN, "query", "all of them", "not measured: pg_measure is never", "a measurement", hint
            )
        for comparison in comparisons:
            yield comparison.check

    def _answers(self, queries: Mapping[int, str], seen: Observed) -> Mapping[int, Verified] | Refusal:
        """Returns what verify queries say, of what was just seen, asking for the others."""
        found = self._ask({version: query for version, query in queries.items() if version not in seen.verified})
        known = {version: answer for version, answer in seen.verified.items() if version in queries}
        return found if isinstance(found, Refusal) else {**known, **found}

    def _ask(self, queries: Mapping[int, str]) -> dict[int, Verified] | Refusal:
        if not queries:
            return {}
        request = fact.verify_request(self.run, self.settings.connection, self.settings.schema, queries)
        found = self.host.get_fact(fact.VerifiedMigrations, request, _stdin=request.stdin)
        return self._unreadable(found) if found is None or isinstance(found, Unreadable) else found

    def wait_for_turn(self) -> Observed | Refusal:
        """Returns the database once no other run is at work on it, or why that did not come."""
        deadline = monotonic() + self.settings.run_wait_s
        told = ""
        while True:
            seen = self.look()
            if isinstance(seen, Refusal) or seen.other_run is None:
                return seen
            if monotonic() > deadline:
                return self.busy(_described(seen.other_run))
            if told != seen.other_run.run_id:
                told = seen.other_run.run_id
                self.tell(f"another run is at work here ({_described(seen.other_run)}), waiting for it")
            gevent.sleep(random.uniform(0.2, 0.6))  # noqa: S311  (jitter, no secret)

    def busy(self, who: str) -> Refusal:
        """Returns the refusal because of another run."""
        return Refusal(
            Kind.BUSY,
            f'could not start on database "{self.settings.connection.database}": another run is at work',
            detail=f"Found {who}; expected it to end within {self.settings.run_wait_s:.0f} s (pg_run_wait_s).",
            hint="Wait for it, then run again; to see it: SELECT * FROM pg_stat_activity "
            "WHERE application_name LIKE 'pgmigrate%'",
        )

    def unnamed(self, what: str, loss: str = "") -> Refusal | None:
        """Returns why something may not be done to a database that must be named first.

        + what: it is, as a verb; loss: what it costs
        """
        database, confirm = self.settings.connection.database, self.settings.confirm
        if not self.settings.needs_confirm or confirm == database:
            return None
        found = "no pg_confirm" if confirm is None else f'pg_confirm "{confirm}"'
        return Refusal(
            Kind.CONFIRM,
            f'could not {what} database "{database}" on host {self.host.name}: it was not confirmed',
            f"Found {found}; expected the name of the database, as pg_needs_confirm is set. {loss}".rstrip(),
            f"If that is what you want: --data pg_confirm={database}",
        )

    # Telling.

    def tell(self, text: str, *, colour: str | None = None) -> None:
        """Logs lines for this host.

        + colour: on a terminal; None for its own
        """
        for line in visible(text).splitlines():
            if colour is None:
                self.host.log(f"{self.prefix}{line}")
            else:
                self.host.log_styled(f"{self.prefix}{line}", fg=colour)
            self.journal.told(f"{self.prefix}{line}")

    def tell_refusal(self, refusal: Refusal) -> None:
        """Logs a refusal: message, DETAIL, HINT."""
        self.journal.refused(refusal)
        self.tell_error(str(refusal))

    def refuse(self, refusal: Refusal) -> bool:
        """Logs a refusal and returns False, for the callback of an operation."""
        self.tell_refusal(refusal)
        return False

    def tell_error(self, text: str) -> None:
        """Logs lines for this host as errors."""
        for line in visible(text).splitlines():
            self.host.log_styled(line, fg="red", log_func=logger.error)
            self.journal.told(line, is_error=True)

    # Running.

    def remember_backup(self, label: str) -> None:
        """Keeps the label of the backup for the registry rows of what runs after it."""
        _backups.setdefault(self.host, {})[self.settings.connection.database] = label

    @property
    def backup(self) -> str:
        """The label of the backup that was taken before; empty where there is none."""
        return _backups.get(self.host, {}).get(self.settings.connection.database, "")

    def tell_snapshots(self, seen: Observed, plan: Plan, versions: Collection[int]) -> None:
        """Names whoever will keep a statement outside a transaction waiting, before it starts."""
        outside = any(
            not statement.in_transaction and statement.number in decision.statements
            for decision in plan.changes
            if decision.migration.version in versions
            for statement in decision.migration.statements
        )
        for blocker in seen.snapshots if outside else ():
            self.tell(f"    will wait for {blocker}")

    def psql(self, text: str, connection: Connection | None = None) -> Answer:
        """Runs a script on the host, with the global arguments of the current operation.

        + connection: None for the one of the settings
        """
        return self.call(command.run(text, self.settings.connection if connection is None else connection))

    def call(self, command: Command) -> Answer:
        """Runs a command on the host, with the global arguments of the current operation."""
        # Outside an operation, as in validate.py, those of the deploy and the host data hold.
        found = self.host.current_op_global_arguments or pop_global_arguments(self.host.state, self.host, {})[0]
        arguments: dict[str, Any] = {key: value for key, value in found.items() if key in CONNECTOR_ARGUMENT_KEYS}
        arguments["_stdin"] = fact.HiddenLines(command.stdin)
        ended, output = self.host.run_shell_command(StringCommand(command.line), **arguments)
        if not ended:
            return Answer(None, errors=" ".join(output.stderr_lines[-3:]))
        return command.read_answer(output.stdout_lines)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Tells from time to time what our session waits for or how far it is."""
        done = Event()
        watcher = gevent.spawn(self._watch, done)
        try:
            yield
        finally:
            done.set()
            watcher.join(timeout=10)
            watcher.kill(block=False)

    def _watch(self, done: Event) -> None:
        told = ""
        while not done.wait(_WATCH_EVERY_S):
            found = self.psql(questions.watch(self.run, self.settings.schema)).value("watch") or []
            for session in found:
                blockers = [str(Blocker(**blocker)) for blocker in session["blockers"]]
                if blockers:
                    text = f"waiting for {'; '.join(blockers)}"
                elif session["progress"]:
                    text = session["progress"]
                elif session.get("waits_for_standby"):
                    text = "committed here, waiting for a synchronous standby (synchronous_standby_names)"
                elif session["sleeps"]:
                    # Between two tries of step_locks.sql.
                    text = "asking for table locks"
                elif session["session"].endswith(" rows"):
                    text = f"{session['session'].rsplit(' ', 2)[1]} rows so far"
                else:
                    text = f"at {' '.join(session['session'].split()[2:])} for {session['since_s']:.0f} s"
                if text != told and not done.is_set():
                    told = text
                    self.tell(f"    {text}")


def _run_on(host: Host) -> Run:
    run_id = _run_ids.setdefault(host.state, str(uuid.uuid4()))
    return Run(run_id, getpass.getuser(), socket.gethostname(), host.name, TOOL_VERSION)


def _described(run: OtherRun) -> str:
    when = f"at work for {run.seen_s:.0f} s" if run.at_work else f"last seen {run.seen_s:.0f} s ago"
    return f"{run.operator}, {when}"
