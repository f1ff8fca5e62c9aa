"""One host's database: asked, changed by scripts, and told about.

Whatever is found out about this host is a value (``Refusal``): an exception would stop the other hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import gevent
from gevent.event import Event
from pyinfra import logger
from pyinfra.api import Host, StringCommand

from ..errors import Kind, Refusal
from ..psql.answer import Answer, Unreadable, read_answer
from ..psql.command import Command, psql_command
from ..psql.connection_errors import unreadable
from ..psql.question import Question
from ..psql.script import Run
from ..registry.look import watch
from ..registry.model import Blocker
from ..settings import Connection, Settings
from ..units import visible
from .events import Forgiven, Listener, PhaseBegan, PhaseEnded, Refused, Silence, Told
from .fact import Answered, HiddenLines, Request
from .pyinfra_api import connector_arguments, fail, forgive, is_verbose, send_at_once
from .run import Memory, RunContext

_WATCH_EVERY_S = 2.0

_T = TypeVar("_T")


@dataclass(frozen=True)
class HostSession:
    """One database of a host, as a run works on it.

    + prefix: before every line that it tells
    + is_copy: it works on a copy of the database
    + listener: takes in what happens
    """

    host: Host
    settings: Settings
    prefix: str = ""
    is_copy: bool = False
    listener: Listener = field(default_factory=Silence, compare=False)

    @property
    def context(self) -> RunContext:
        """The run that it is part of."""
        return RunContext.of(self.host.state)

    @property
    def run(self) -> Run:
        """Who runs this, from where."""
        settings = self.settings
        found = self.context.run_on(self.host, settings.scope)
        return replace(found, stale_s=settings.run_stale_s, search_path=settings.search_path or ())

    @property
    def memory(self) -> Memory:
        """What the run remembers of this database."""
        return self.context.memory(self.host, self.settings.worked_on)

    @property
    def schema(self) -> str:
        """The target schema."""
        return self.settings.schema

    # Asking.

    def ask(self, question: Question[_T]) -> _T | None:
        """Returns the answer of the database; None where there is none, which pyinfra says why."""
        command = psql_command(question.script, self.settings.connection)
        return cast("_T | None", self.ask_host(question.purpose, command, question.read))

    def ask_host(self, purpose: str, command: Command, read: Any) -> Any:
        """Returns what a program answers that changes nothing; None where there is no answer.

        + read: returns its value; see ``Request``
        """
        request = Request(purpose, command, read)
        send_at_once(self.host)
        return self.host.get_fact(Answered, request, _stdin=request.stdin)

    def unreadable(self, found: Unreadable | None) -> Refusal:
        """Returns why the database could not be read."""
        arguments = connector_arguments(self.host)
        account = str(arguments.get("_sudo_user") or arguments.get("_su_user") or "")
        return unreadable(found, host=self.host.name, connection=self.settings.connection, account=account)

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

    def announce(self, event: object) -> None:
        """Lets whoever listens know what happened."""
        self.listener.hear(event)

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announces how long something lasts; what is cut off has no end."""
        self.announce(PhaseBegan(title))
        yield
        self.announce(PhaseEnded(title))

    def tell(self, text: str, *, colour: str | None = None, is_detail: bool = False) -> None:
        """Logs lines for this host.

        + colour: on a terminal; None for its own
        + is_detail: for the report, and for a terminal with ``-v`` alone
        """
        for line in visible(text).splitlines():
            if is_detail and not is_verbose(self.host.state):
                pass
            elif colour is None:
                self.host.log(f"{self.prefix}{line}")
            else:
                self.host.log_styled(f"{self.prefix}{line}", fg=colour)
            self.announce(Told(f"{self.prefix}{line}"))

    def tell_refusal(self, refusal: Refusal) -> None:
        """Logs a refusal: message, DETAIL, HINT."""
        self.announce(Refused(refusal))
        self.tell_error(str(refusal))

    def refuse(self, refusal: Refusal) -> bool:
        """Logs a refusal and returns False, for the callback of an operation."""
        self.tell_refusal(refusal)
        return False

    def tell_error(self, text: str) -> None:
        """Logs lines for this host as errors."""
        for line in visible(text).splitlines():
            self.host.log_styled(line, fg="red", log_func=logger.error)
            self.announce(Told(line, is_error=True))

    def fail(self) -> None:
        """Makes the exit status 1; operations go on and decide for themselves."""
        self.context.refuse(self.host, self.settings.worked_on)
        fail(self.host)

    def forgive(self) -> None:
        """Lets what was refused on this database before not count any more."""
        if self.context.forgive(self.host, self.settings.worked_on):
            forgive(self.host)
        self.announce(Forgiven())

    # Running.

    def psql(self, text: str, connection: Connection | None = None, *, reads_only: bool = False) -> Answer:
        """Runs a script on the host, with the global arguments of the current operation.

        + connection: None for the one of the settings
        + reads_only: the database as it was seen before still counts
        """
        command = psql_command(text, self.settings.connection if connection is None else connection)
        return self.call(command, reads_only=reads_only)

    def call(self, command: Command, *, reads_only: bool = False) -> Answer:
        """Runs a command on the host, with the global arguments of the current operation.

        + reads_only: the database as it was seen before still counts
        """
        if not reads_only:
            self.memory.changes()
        arguments = connector_arguments(self.host)
        arguments["_stdin"] = HiddenLines(command.stdin)
        send_at_once(self.host)
        return _answer_of(self.host, command.line, arguments)

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
            question = watch(self.run, self.schema)
            for session in question.read(self.psql(question.script)):
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


def _answer_of(host: Host, line: str, arguments: Mapping[str, Any]) -> Answer:
    """Returns what a command answers."""
    try:
        ended, output = host.run_shell_command(StringCommand(line), **arguments)
    except BrokenPipeError:
        # Ctrl-C has ended it, or it could not begin. What arrived in part is not run: see ``psql.command``.
        return Answer(None, errors="the program on the host ended before it had read all of its input")
    if not ended:
        return Answer(None, errors=" ".join(output.stderr_lines[-3:]))
    return read_answer(output.stdout_lines)
