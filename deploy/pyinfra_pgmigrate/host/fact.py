"""The one fact of the library: a question to a database, or a program on the host, and its answer.

Its ``default()`` is None and means "not known", never "nothing there": operations refuse on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError

from ..psql.answer import Answer, read_answer
from ..psql.command import Command


class HiddenLines(list[str]):
    """Lines for standard input that pyinfra does not show: one of them is a password."""

    def __repr__(self) -> str:
        return "(not shown)"

    __str__ = __repr__


@dataclass(frozen=True)
class Request:
    """What the fact asks, in a form that pyinfra may print.

    + read: returns the value of an answer; raises ValueError, KeyError or TypeError for one that cannot be read
    """

    purpose: str
    command: Command = field(repr=False)
    read: Callable[[Answer], Any] = field(repr=False)

    @property
    def stdin(self) -> HiddenLines:
        """What the command must be given: ``host.get_fact(Answered, request, _stdin=request.stdin)``."""
        return HiddenLines(self.command.stdin)


class Answered(FactBase[Any]):
    """Returns what a request was answered, as its reader returns it; None where there was no answer.

    Needs what the program of the request needs. Locks: see the question. Changes nothing.
    """

    _read: Callable[[Answer], Any]

    def command(self, request: Request) -> StringCommand:
        """Returns the shell command; its standard input is ``request.stdin``."""
        self._read = request.read
        return StringCommand(request.command.line)

    @staticmethod
    def default() -> Any:
        """Returns None: nothing is known."""
        return None

    def process(self, output: list[str]) -> Any:
        """Returns the value of the answer. Raises FactProcessError for one that cannot be read."""
        try:
            return self._read(read_answer(output))
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"could not read the answer of the host: {error!r}") from error
