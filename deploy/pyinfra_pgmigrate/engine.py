"""One host's database at work: read it, plan, run steps with retries, and tell what happens.

Between the pure plan and pyinfra's operations. Whatever is found out about this host is a value
(``Refusal``): an exception would stop the other hosts.
"""

from __future__ import annotations

import getpass
import random
import socket
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as distribution_version
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from pyinfra import context, logger
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS
from pyinfra.api.state import StateStage

from . import facts, psql, reading, refusals, script
from .errors import Kind, Refusal
from .migration import Migration, load_folder
from .observed import Blocker, Observed, OtherRun, Verified
from .plan import Action, Plan, make_plan
from .psql import Answer, Command
from .reading import Outcome, Unreadable
from .rollbacks import Rollback, load_rollbacks, make_rollback
from .script import LockLimits, Run, Step
from .settings import Connection, Settings, read_settings
from .state import State as MigrationState
from .trace import StatementTrace, traces_of

# One run a start of the program, whichever hosts and databases it works on.
_run_ids: WeakKeyDictionary[State, str] = WeakKeyDictionary()

# The backup that was taken before the migrations of this start of the program, by host and database.
_backups: WeakKeyDictionary[Host, dict[str, str]] = WeakKeyDictionary()

TOOL_VERSION = distribution_version("pyinfra-pgmigrate")

# Only these are tried again; source: PostgreSQL manual, "Error Codes".
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"

# How often a plan may be overtaken by others before we give up.
_MOST_REPLANS = 5
# New rows may come while a converging migration runs; after so many passes somebody keeps making them.
_MOST_PASSES = 3
_WATCH_EVERY_S = 2.0


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
def _folder(path: Path, _stamp: tuple[tuple[str, int], ...]) -> tuple[Migration, ...]:
    return load_folder(path)


def migrations_in(folder: Path) -> tuple[Migration, ...]:
    """Returns the migrations of a folder, read once as long as no file changes.

    Raises PgMigrateError: settings, file, effect.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return _folder(folder, tuple((path.name, path.stat().st_mtime_ns) for path in files))


@dataclass(frozen=True)
class Engine:
    """One host with its settings and migrations.

    + prefix: before every line that it tells
    """

    host: Host
    settings: Settings
    migrations: tuple[Migration, ...]
    prefix: str = ""

    @classmethod
    def of(cls, host: Host, overrides: Mapping[str, Any]) -> Engine:
        """Returns the engine for a host.

        + overrides: host data keys that stand above the host's own
        Raises PgMigrateError: settings, file, effect.
        """
        data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
        settings = read_settings({**data, **overrides})
        return cls(host, settings, migrations_in(settings.sql_dir))

    @property
    def run(self) -> Run:
        """Who runs this, from where."""
        run_id = _run_ids.setdefault(self.host.state, str(uuid.uuid4()))
        return Run(run_id, getpass.getuser(), socket.gethostname(), self.host.name, TOOL_VERSION)

    # Reading.

    def look(self) -> Observed | Refusal:
        """Returns the database as it is now."""
        request = facts.observe_request(self.run, self.settings.connection, self.settings.schema)
        found = self.host.get_fact(facts.Database, request, _stdin=request.stdin)
        return found if isinstance(found, Observed) else self._unreadable(found)

    def _unreadable(self, found: Unreadable | None) -> Refusal:
        return reading.refusal(found, host=self.host.name, connection=self.settings.connection)

    def plan(self, *, ask: Collection[int] | None = None, observed: Observed | None = None) -> Plan | Refusal:
        """Returns what a run does now.

        + ask: versions whose verify queries are asked; None: all
        + observed: the database, where it has just been read
        """
        seen = observed if observed is not None else self.look()
        if isinstance(seen, Refusal):
            return seen
        first = make_plan(self.migrations, seen, self.settings, {})
        queries = {
            decision.migration.version: decision.migration.verify
            for decision in first.decisions
            if decision.migration.verify is not None
            and decision.action is not Action.STOP
            and (ask is None or decision.migration.version in ask)
            and decision.judgement.state in (MigrationState.APPLIED, MigrationState.UNKNOWN)
            and decision.migration.effect is not None
        }
        if not queries:
            return first
        answers = self._ask(queries)
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
        if not isinstance(found, Rollback) or not any(rule.columns for rule in found.rules):
            return found
        request = facts.conflicts_request(self.run, self.settings.connection, self.settings.schema, found)
        rows = self.host.get_fact(facts.ConflictingRows, request, _stdin=request.stdin)
        if rows is None or isinstance(rows, Unreadable):
            return self._unreadable(rows)
        return refusals.conflicting(rows) if rows else found

    def revert(self, rollback: Rollback, *, target: int | None) -> Refusal | None:
        """Takes back what a rollback says, in one transaction, again after lock time-outs.

        Returns None when all of it is taken back, else why not.
        """
        return _Reverting(self, target).revert(rollback)

    def _ask(self, queries: Mapping[int, str]) -> dict[int, Verified] | Refusal:
        request = facts.verify_request(self.run, self.settings.connection, self.settings.schema, queries)
        found = self.host.get_fact(facts.VerifiedMigrations, request, _stdin=request.stdin)
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

    def tell(self, text: str) -> None:
        """Logs lines for this host."""
        for line in text.splitlines():
            self.host.log(f"{self.prefix}{line}")

    def tell_refusal(self, refusal: Refusal) -> None:
        """Logs a refusal: message, DETAIL, HINT."""
        self.tell_error(str(refusal))

    def refuse(self, refusal: Refusal) -> bool:
        """Logs a refusal and returns False, for the callback of an operation."""
        self.tell_refusal(refusal)
        return False

    def tell_error(self, text: str) -> None:
        """Logs lines for this host as errors."""
        for line in text.splitlines():
            self.host.log_styled(line, fg="red", log_func=logger.error)

    # Running.

    def remember_backup(self, label: str) -> None:
        """Keeps the label of the backup for the registry rows of what runs after it."""
        _backups.setdefault(self.host, {})[self.settings.connection.database] = label

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

    def execute(self, plan: Plan, versions: Collection[int], traces: list[StatementTrace]) -> Refusal | None:
        """Runs what a plan says for some versions, in one session, again after lock time-outs.

        Returns None when all of it holds now, else why not, and tells how it goes. What others did
        meanwhile is not done again.

        + traces: takes what each statement did
        """
        return _Execution(self, versions, traces).run(plan)

    def psql(self, text: str, connection: Connection | None = None) -> Answer:
        """Runs a script on the host, with the global arguments of the current operation.

        + connection: None for the one of the settings
        """
        return self.call(psql.run(text, self.settings.connection if connection is None else connection))

    def call(self, command: Command) -> Answer:
        """Runs a command on the host, with the global arguments of the current operation."""
        arguments: dict[str, Any] = {
            key: value
            for key, value in (self.host.current_op_global_arguments or {}).items()
            if key in CONNECTOR_ARGUMENT_KEYS
        }
        arguments["_stdin"] = facts.HiddenLines(command.stdin)
        ended, output = self.host.run_shell_command(StringCommand(command.line), **arguments)
        if not ended:
            return Answer(None, errors=" ".join(output.stderr_lines[-3:]))
        return psql.read_answer(output.stdout_lines)

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
            found = self.psql(script.watch(self.run, self.settings.schema)).value("watch") or []
            for session in found:
                blockers = [str(Blocker(**blocker)) for blocker in session["blockers"]]
                if blockers:
                    text = f"waiting for {'; '.join(blockers)}"
                elif session["progress"]:
                    text = session["progress"]
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


def _described(run: OtherRun) -> str:
    when = f"at work for {run.seen_s:.0f} s" if run.at_work else f"last seen {run.seen_s:.0f} s ago"
    return f"{run.operator}, {when}"


class _Execution:
    """One call of ``Engine.execute``: goes on until all is done or there is a reason not to."""

    def __init__(self, engine: Engine, versions: Collection[int], traces: list[StatementTrace]) -> None:
        self.engine = engine
        self.traces = traces
        self.settings = engine.settings
        self.versions = versions
        self.tries = 1
        self.lock_since: float | None = None
        self.busy_since: float | None = None
        self.replans = 0
        self.passes = 1
        self.surprises = 0

    def run(self, plan: Plan) -> Refusal | None:
        """Returns None when all is done, else why not."""
        return self._run_all(self._steps(plan))

    def _steps(self, plan: Plan) -> list[Step]:
        decisions = [one for one in plan.changes if one.migration.version in self.versions]
        others = len(plan.changes) > len(decisions)
        return [
            step
            for decision in decisions
            for step in script.steps_of(decision, ends_run=decision is decisions[-1] and not others)
        ]

    def _again(self) -> list[Step] | Refusal:
        """Returns the steps that are left, by the database as it is now."""
        plan = self.engine.plan(ask=self.versions)
        if isinstance(plan, Refusal):
            return plan
        return plan.refusals[0] if plan.refusals else self._steps(plan)

    def _run_all(self, steps: list[Step]) -> Refusal | None:
        while steps:
            answer = self._run_steps(steps)
            found = _outcomes(answer)
            done = [outcome for outcome in found if outcome.result == "done"]
            self._tell_done(steps, done)
            if len(done) == len(steps) and answer.status == 0:
                return None
            refusal = self._look_after(steps[len(done) :], found[len(done) :], answer)
            if refusal is not None:
                return refusal
            left = self._again()
            if isinstance(left, Refusal):
                return left
            steps = left
        return None

    def _run_steps(self, steps: list[Step]) -> Answer:
        text = script.apply(
            steps,
            self.engine.run,
            self.settings.schema,
            self._limits(),
            batch_rows=self.settings.batch_rows,
            backup=_backups.get(self.engine.host, {}).get(self.settings.connection.database, ""),
        )
        with self.engine.watched():
            return self.engine.psql(text)

    def _limits(self) -> LockLimits:
        timeout_s = min(self.settings.lock_timeout_s, self.settings.lock_timeout_s / 10 * 2 ** (self.tries - 1))
        return LockLimits(self.settings.lock_poll_s, max(1, round(timeout_s * 1000)), self.tries)

    def _tell_done(self, steps: list[Step], done: list[Outcome]) -> None:
        for step, outcome in zip(steps, done, strict=False):
            self.traces.extend(traces_of(step, outcome))
            if step.statements:
                numbers = ", ".join(str(statement.number) for statement in step.statements)
                rows = f", {outcome.rows} rows" if step.in_batches else ""
                self.engine.tell(f"    {step.migration.name}: statement {numbers} in {outcome.duration_ms} ms{rows}")
            for name, put, left in outcome.put_back:
                rest = f"; {left} stay there: what they belong to is gone" if left else ""
                self.engine.tell(f"    put back from the quarantine: {put} rows of {name}{rest}")
            for line in outcome.foreign:
                self.engine.tell(f"    note: meanwhile somebody else changed the catalog: {line}")

    def _look_after(self, steps: list[Step], found: list[Outcome], answer: Answer) -> Refusal | None:
        """Returns why to stop, or None to plan and try again."""
        step = steps[0]
        outcome = found[0] if found else None
        if outcome is not None and answer.status == 0:
            return self._answered(step, outcome)
        if answer.status == psql.EXIT_SCRIPT and answer.sqlstate in (_LOCK_NOT_AVAILABLE, _DEADLOCK):
            return self._locked(step, answer)
        return self._failed(step, answer)

    def _answered(self, step: Step, outcome: Outcome) -> Refusal | None:
        match outcome.result:
            case "busy":
                return self._wait(outcome)
            case "moved":
                self.replans += 1
                if self.replans <= _MOST_REPLANS:
                    return None
            case "problems" if step.migration.header.converges and self.passes < _MOST_PASSES:
                self.passes += 1
                return None
            case "problems" if outcome.verified is not None:
                refusal = refusals.not_verified(step.migration, outcome.verified)
                self._aftermath(step, refusal, "")
                return refusal
            case "unexpected":
                # Another session's change may have fallen into the short time of ours: look again once.
                self.surprises += 1
                if self.surprises == 1 and step.in_transaction:
                    return None
        refusal = _unexpected(step, outcome)
        self._aftermath(step, refusal, "")
        return refusal

    def _wait(self, outcome: Outcome) -> Refusal | None:
        now = monotonic()
        if self.busy_since is None:
            self.busy_since = now
            self.engine.tell(f"another run is at work here ({outcome.detail}), waiting for it")
        if now - self.busy_since > self.settings.run_wait_s:
            return self.engine.busy(outcome.detail)
        gevent.sleep(random.uniform(0.1, 0.4))  # noqa: S311  (jitter, no secret)
        return None

    def _locked(self, step: Step, answer: Answer) -> Refusal | None:
        now = monotonic()
        self.lock_since = now if self.lock_since is None else self.lock_since
        text = script.blockers(step, self.engine.run, self.settings.schema)
        blockers = reading.blockers(self.engine.psql(text))
        in_the_way = "; ".join(map(str, blockers)) or "nobody any more"
        if now - self.lock_since < self.settings.lock_budget_s:
            self.engine.tell(f"    try {self.tries}: a table is locked by {in_the_way}; trying again")
            self.tries += 1
            # Out of step with whoever takes the lock in a rhythm; longer while it stays taken.
            gevent.sleep(random.uniform(0.5, 1.0) * min(2.0, 0.1 * 2**self.tries))  # noqa: S311
            return None
        ending = " ".join(f"SELECT pg_terminate_backend({blocker.pid});" for blocker in blockers)
        tables = ", ".join(sorted({lock.relation for lock in step.locks})) or "a table"
        refusal = Refusal(
            Kind.LOCK,
            f"could not apply {step.title}: no lock on {tables} after {self.tries} tries in "
            f"{now - self.lock_since:.0f} s",
            detail=f"Found in the way: {in_the_way}; expected the lock within {self.settings.lock_budget_s:.0f} s "
            "(pg_lock_budget_s). Nothing of this step was done.",
            hint="Let that transaction end, then run again" + (f"; to end it: {ending}" if ending else "."),
        )
        self._aftermath(step, refusal, answer.sqlstate)
        return refusal

    def _failed(self, step: Step, answer: Answer) -> Refusal:
        numbers = ", ".join(str(statement.number) for statement in step.statements) or "none"
        words = step.statements[0].words if len(step.statements) == 1 else f"statements {numbers}"
        if answer.status == psql.EXIT_SCRIPT:
            refusal = Refusal(
                Kind.FAILED,
                f"could not apply {step.title}: {answer.message}",
                detail=f"Found SQLSTATE {answer.sqlstate} at {words}; expected it to succeed. {_left_behind(step)}",
                hint="Remove the cause, then run again: it goes on where it stopped.",
            )
        else:
            status = "no end" if answer.status is None else f"status {answer.status}"
            refusal = Refusal(
                Kind.FAILED,
                f"could not see {step.title} through: psql ended with {status}",
                detail=f"Found: {answer.message or answer.errors or 'no message'}. Expected status 0 from {words}.",
                hint="Run again: the run looks at what is there and goes on where it stopped.",
            )
        self._aftermath(step, refusal, answer.sqlstate)
        return refusal

    def _aftermath(self, step: Step, refusal: Refusal, sqlstate: str) -> None:
        text = script.aftermath(
            step,
            self.engine.run,
            self.settings.schema,
            kind=refusal.kind,
            sqlstate=sqlstate,
            message=f"{refusal.message}; {refusal.detail}",
        )
        answer = self.engine.psql(text)
        if answer.status != 0:
            self.engine.tell(f"    note: the clean-up after it did not end well: {answer.message or answer.errors}")


class _Reverting(_Execution):
    """The same for a rollback."""

    def __init__(self, engine: Engine, target: int | None) -> None:
        super().__init__(engine, (), [])
        self.target = target

    def revert(self, rollback: Rollback) -> Refusal | None:
        """Returns None when all is taken back, else why not."""
        return self._run_all([script.step_back(rollback)])

    def _again(self) -> list[Step] | Refusal:
        found = self.engine.plan_rollback(target=self.target)
        if isinstance(found, Refusal):
            return found
        return [] if found is None else [script.step_back(found)]


def _outcomes(answer: Answer) -> list[Outcome]:
    """Returns what the steps reported; a report that cannot be read counts as none."""
    try:
        return reading.outcomes(answer)
    except (ValueError, KeyError, TypeError):
        return []


def _left_behind(step: Step) -> str:
    if step.in_transaction:
        return "Nothing of this step is left."
    return "The batches before it stay." if step.in_batches else "What it left is removed."


def _unexpected(step: Step, outcome: Outcome) -> Refusal:
    found = "; ".join(outcome.foreign[:5]) or "no other change"
    lacking = "; ".join(outcome.lacking[:5])
    return Refusal(
        Kind.UNEXPECTED,
        f"cannot apply {step.title}: the catalog changed otherwise than its effect says",
        detail=f"Found {found}"
        + (f"; expected also {lacking}" if lacking else "; expected nothing else")
        + ". "
        + ("The step was undone." if step.in_transaction else "The statement cannot be undone."),
        hint="See whether this database differs from sql/baseline.sql there, or what else the statement does "
        "(an event trigger, a dependent view).",
    )
