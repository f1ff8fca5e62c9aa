"""Facts: a database as it is, and what its verify queries say. They change nothing.

A fact's ``default()`` is None and means "not known", never "nothing there": operations refuse on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError

from ..application.compatibility import Use
from ..application.queries import Query
from ..backup import programs
from ..backup.manifest import Store, Unsafe
from ..backup.programs import Place
from ..psql import answers, command, questions
from ..psql.answers import Obstructions, Unreadable
from ..psql.command import Command
from ..psql.script import Run
from ..registry.model import Observed, Verified
from ..rollback.plan import Rollback
from ..settings import Connection
from ..validation.checks import Added
from ..validation.query_cost import Measured, read_measured


class HiddenLines(list[str]):
    """Lines for standard input that pyinfra does not show: one of them is a password."""

    def __repr__(self) -> str:
        return "(not shown)"

    __str__ = __repr__


@dataclass(frozen=True)
class Request:
    """What a fact asks, in a form that pyinfra may print."""

    purpose: str
    command: Command = field(repr=False)

    @property
    def stdin(self) -> HiddenLines:
        """What the command must be given: ``host.get_fact(Fact, request, _stdin=request.stdin)``."""
        return HiddenLines(self.command.stdin)


def observe_request(run: Run, connection: Connection, schema: str, queries: Mapping[int, str]) -> Request:
    """Returns the request for the fact Database.

    + queries: verify queries by version, asked at once where the registry has the version
    """
    return Request(f"database {connection.database}", command.run(questions.observe(run, schema, queries), connection))


def verify_request(run: Run, connection: Connection, schema: str, queries: Mapping[int, str]) -> Request:
    """Returns the request for the fact VerifiedMigrations.

    + queries: verify queries by version
    """
    purpose = f"verify queries of {', '.join(f'{version:03}' for version in queries)}"
    return Request(purpose, command.run(questions.verify(run, schema, queries), connection))


def obstacles_request(run: Run, connection: Connection, schema: str, rollback: Rollback) -> Request:
    """Returns the request for the fact Obstacles."""
    text = questions.obstacles(rollback, run, schema)
    return Request(f"what is in the way of {rollback.decision.migration.name}", command.run(text, connection))


def warnings_request(run: Run, connection: Connection, schema: str, added: Added) -> Request:
    """Returns the request for the fact Warnings."""
    return Request(
        f"warnings about {connection.database}", command.run(questions.warnings(added, run, schema), connection)
    )


def uses_request(run: Run, connection: Connection, schema: str, uses: Sequence[Use]) -> Request:
    """Returns the request for the fact TriedUses."""
    return Request(
        f"compatibility of {connection.database}", command.run(questions.try_uses(uses, run, schema), connection)
    )


def measure_request(
    run: Run, connection: Connection, schema: str, queries: Sequence[Query], *, timeout_s: float
) -> Request:
    """Returns the request for the fact MeasuredQueries."""
    text = questions.measure(queries, run, schema, timeout_s=timeout_s)
    return Request(f"cost of {len(queries)} queries of {connection.database}", command.run(text, connection))


def backups_request(place: Place, data_directory: str | None) -> Request:
    """Returns the request for the fact Backups.

    + data_directory: where the server on that host keeps its data; None where that is not known
    """
    command = programs.call("look", place, data_directory or "")
    return Request(f"backups of {place.connection.database}", command)


class Obstacles(FactBase[Obstructions | Unreadable | None]):
    """Returns what stands in the way of a rollback, or why that is not known.

    Locks: reads only; needs the right to make temporary tables.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> Obstructions | Unreadable | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> Obstructions | Unreadable | None:
        """Returns the answer. Raises FactProcessError for one that cannot be read."""
        try:
            return answers.obstructions(command.read_answer(output))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error


class Warnings(FactBase[list[tuple[str, str, str, str]] | None]):
    """Returns what the structure cannot do: name of the check, object, found, expected; None where nobody could look.

    Reads only, in a read-only transaction.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> list[tuple[str, str, str, str]] | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> list[tuple[str, str, str, str]] | None:
        """Returns the findings. Raises FactProcessError for an answer that cannot be read."""
        try:
            found = command.read_answer(output).value("warnings")
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error
        return None if found is None else [(name, place, what, wanted) for name, place, what, wanted in found]


class TriedUses(FactBase[dict[str, str] | None]):
    """Returns why something that the application does is not possible, by name; empty where it is.

    Each is undone. None where nobody could try. Locks: what the statements take, waiting two seconds at most.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> dict[str, str] | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> dict[str, str] | None:
        """Returns the answers. Raises FactProcessError for one that cannot be read."""
        try:
            return dict(command.read_answer(output).values("use"))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error


class MeasuredQueries(FactBase[list[Measured] | Unreadable | None]):
    """Returns what queries cost, with what the registry keeps of them, or why they could not be measured.

    Each is run twice in a read-only transaction. Locks: what the queries take, waiting two seconds at most.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> list[Measured] | Unreadable | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> list[Measured] | Unreadable | None:
        """Returns the measurements. Raises FactProcessError for an answer that cannot be read."""
        try:
            answer = command.read_answer(output)
            if answer.status != 0:
                return Unreadable(answer.status, answer.sqlstate, answer.message or answer.errors)
            return [read_measured(found) for found in answer.values("measured")]
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error


class Backups(FactBase[Store | Unsafe | None]):
    """Returns the backups of a database on its host, or a path on the way there that is not safe to use.

    None where they could not be read.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> Store | Unsafe | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> Store | Unsafe | None:
        """Returns the backups. Raises FactProcessError for an answer that cannot be read."""
        try:
            return answers.store(command.read_answer(output))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of the host: {error!r}") from error


class Database(FactBase[Observed | Unreadable | None]):
    """Returns server, registry and catalog of a database, or why it could not be read.

    Needs psql on the host and a role that may connect. Locks: reads only (ACCESS SHARE on views).
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> Observed | Unreadable | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> Observed | Unreadable | None:
        """Returns the database. Raises FactProcessError for an answer that cannot be read."""
        try:
            return answers.database(command.read_answer(output))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error


class VerifiedMigrations(FactBase[dict[int, Verified] | Unreadable | None]):
    """Returns what verify queries found, by version, or why they could not be asked.

    Each runs in a read-only transaction. Locks: what the queries take, reads only.
    """

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> dict[int, Verified] | Unreadable | None:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> dict[int, Verified] | Unreadable | None:
        """Returns the answers. Raises FactProcessError for one that cannot be read."""
        try:
            return answers.verified(command.read_answer(output))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of psql: {error!r}") from error
