"""A session of the application on the copy, held open while migrations run: what becomes of prepared statements.

It runs in the background and waits, in short transactions, until told that a moment has come; both sides tell each
other by advisory locks, which end with the sessions. It ends by itself after the last moment or its deadline, is
ended when the rehearsal ends before, and cannot outlive the copy, which is dropped with whoever is connected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import gevent

from ..application.compatibility import Use
from ..planning.database import DatabaseSession
from ..psql.answer import Answer
from ..psql.script import Run, items, joined, session_of, session_parts, setting, settings_of
from ..resources import read_sql
from .moments import Held

# Seconds for a session to end that was told to; seconds after which its run was killed.
_END_S, _ALONE_S = 20, 300.0


class HeldSession:
    """One session on the copy for all uses of which the file says ``session: held``."""

    def __init__(self, on_copy: DatabaseSession) -> None:
        self._engine = on_copy
        self._uses: Sequence[Use] = [use for use in on_copy.uses if use.is_held]
        self._answer: Answer | None = None
        self._greenlet: gevent.Greenlet[[int], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is such a session still."""
        return self._greenlet is not None and not self._greenlet.dead

    @contextmanager
    def opened(self, moments: int) -> Iterator[None]:
        """Keeps the session for so many moments, where any use wants one; it has ended at the end."""
        if self._uses:
            self._greenlet = gevent.spawn(self._run, moments)
        try:
            yield
        finally:
            self.close()

    def _run(self, moments: int) -> None:
        text = held(self._uses, moments, self._engine.run, self._engine.settings.schema)
        self._answer = self._engine.psql(text)

    def close(self) -> None:
        """Ends the session; its answers stay."""
        if self._greenlet is None:
            return
        # After the last moment it ends by itself.
        self._greenlet.join(timeout=1)
        if not self._greenlet.dead:
            self._engine.psql(end_held(self._engine.run, self._engine.settings.schema))
            self._greenlet.join(timeout=_END_S)
        self._greenlet.kill(block=False)

    @property
    def answers(self) -> tuple[Held, ...]:
        """What the statements answered, after it was closed."""
        found = [] if self._answer is None else self._answer.values("held")
        return tuple(Held(*one) for one in found)

    def lack(self, moments: int) -> str:
        """Returns why it did not answer at so many moments, after it was closed; empty where it did."""
        if len(self.answers) >= len(self._uses) * moments:
            return ""
        answer = self._answer
        return "it did not end in time" if answer is None else answer.message or answer.errors or "no answer"


def held(uses: Sequence[Use], moments: int, run: Run, schema: str, *, alone_s: float = _ALONE_S) -> str:
    """Returns the script that prepares statements and executes them at so many moments of a rehearsal.

    + alone_s: seconds without another session on the copy after which it gives up: its run was killed
    """
    values = {"application_name": _held_name(run), "schema": schema, "scope": run.scope, "alone_s": alone_s}
    values["further"] = items(run.search_path)
    named = [{"held": use.name, "role": use.role, "statement": use.statements[0]} for use in uses]
    parts = [settings_of(values), *session_parts(), read_sql("rehearsal/held_session")]
    parts += [part for one in named for part in (settings_of(one), read_sql("rehearsal/held_prepare"))]
    for moment in range(moments):
        parts += [setting("moment", moment), read_sql("rehearsal/held_wait")]
        parts += [part for one in named for part in (settings_of(one), read_sql("rehearsal/held_try"))]
        parts.append(read_sql("rehearsal/held_done"))
    return joined([*parts, read_sql("rehearsal/held_end")])


def end_held(run: Run, schema: str) -> str:
    """Returns the script that ends the session of ``held``."""
    parts = [*session_of(run, schema, "end held"), setting("held_name", _held_name(run))]
    return joined([*parts, read_sql("rehearsal/end_held")])


def _held_name(run: Run) -> str:
    # Not as the sessions of the run call themselves: nobody waits for this one.
    return f"application rehearsed by pgmigrate {run.run_id[:8]}"
