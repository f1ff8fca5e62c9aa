"""What the application does, tried on the copy of a rehearsal at each moment: before, between and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..application.compatibility import try_uses
from ..errors import Kind, Refusal
from ..migrations.files import Migration
from ..planning.database import DatabaseSession
from ..registry.model import Observed
from .moments import Moment, Table, broken, table_lines, table_of
from .prepared_session import HeldSession


class Trial:
    """Tries the files of the folder ``compatibility`` on a copy, and keeps what came of it."""

    def __init__(self, on_copy: DatabaseSession, seen: Observed | Refusal) -> None:
        self._engine = on_copy
        self._held = HeldSession(on_copy)
        self._is_told = self._held.is_open
        self._moments: list[Moment] = []
        self._applied = frozenset[int]() if isinstance(seen, Refusal) else frozenset(seen.applied)

    @property
    def table(self) -> Table:
        """What was possible at each moment so far."""
        lack = self._held.lack(len(self._moments)) if self._moments else ""
        return table_of(self._engine.uses, self._moments, self._applied, self._held.answers, lack)

    @contextmanager
    def of(self, moments: int) -> Iterator[None]:
        """Works for so many moments; tells at the end what came of it."""
        with self._held.opened(moments):
            self._is_told = self._held.is_open
            yield
        if self._moments:
            self._engine.tell("\n".join(table_lines(self.table)))

    def at(self, migrations: Sequence[Migration]) -> Refusal | None:
        """Tries each use now; returns the first that worked before and fails, or None.

        + migrations: those that were run since the last time
        """
        session = self._engine
        if not session.uses:
            return None
        moment = len(self._moments) if self._is_told else None
        question = try_uses(session.uses, session.run, session.schema, moment=moment)
        answer = session.psql(question.script)
        if answer.status != 0:
            return Refusal(
                Kind.REHEARSAL,
                f"could not try what the application does: {answer.message or answer.errors or 'no answer'}",
                f"Found SQLSTATE {answer.sqlstate or 'unknown'}; expected an answer of each file of compatibility.",
                "Remove the cause, then run again.",
            )
        # Nobody waits a second time for a session that does not answer.
        self._is_told = self._is_told and bool(answer.value("answered"))
        name = migrations[-1].name if migrations else ""
        versions = tuple(one.version for one in migrations)
        self._moments.append(Moment(name, versions, question.read(answer)))
        return broken(table_of(session.uses, self._moments, self._applied))
