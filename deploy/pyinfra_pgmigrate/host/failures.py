"""What goes wrong on one database of a host is told there, and stops no other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from pyinfra import context, logger
from pyinfra.api import DeployError, FunctionCommand, Host, State

from ..errors import Kind, PgMigrateError, Refusal
from ..settings import Settings, read_settings
from .pyinfra_api import current_host, fail, is_interrupted, is_preparing
from .run import Memory, RunContext

_P = ParamSpec("_P")
_Commands = Generator[FunctionCommand, None, None]


@dataclass(frozen=True)
class _Turn:
    """An operation on one database, as the run stands."""

    context: RunContext
    settings: Settings
    memory: Memory

    @classmethod
    def of(cls, overrides: Mapping[str, Any]) -> _Turn:
        """Returns the turn of the current host."""
        host = current_host()
        data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
        settings, context = read_settings({**data, **overrides}), RunContext.of(host.state)
        return cls(context, settings, context.memory(host, settings.worked_on))

    def why_not(self) -> str:
        """Returns why nothing is done on the database; empty where something may be, and then it counts as begun."""
        most = self.settings.stop_after
        if self.memory.is_given_up:
            return "left as it is: an operation on this database failed, see above"
        if most is not None and not self.memory.has_started and self.context.given_up >= most:
            return (
                f"not begun: pg_stop_after is {most}, and so many databases failed before it ({self.context.given_up})"
            )
        self.memory.has_started = True
        return ""

    def _give_up(self, host: Host) -> None:
        self.memory.is_given_up = True
        if not is_interrupted(host.state):
            self.context.refuse(host, self.settings.worked_on)
            fail(host)

    def watched(self, command: FunctionCommand) -> FunctionCommand:
        """Returns a command after which, where it fails, no other operation of the run works on the database.

        pyinfra leaves the host alone then; where it has several databases it is to go on with the others, and is told
        to ignore the failure: then the exit status is ours to set.
        """

        def execute(state: State, host: Host) -> Any:
            try:
                ended = command.execute(state, host, {})
            except Exception:
                # Not where the run is cut off: that is no failure of the database.
                self._give_up(host)
                raise
            if ended is False:
                self._give_up(host)
            return ended

        return FunctionCommand(execute, (), {})


def on_one_host(function: Callable[_P, _Commands]) -> Callable[_P, _Commands]:
    """Makes an operation fail its own database alone, also when it raises while it is executed.

    + function: has an argument ``overrides``, host data keys that stand above the host's own, given by its name
    """

    @wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _Commands:
        if is_preparing():
            yield from function(*args, **kwargs)
            return
        turn = None
        try:
            turn = _Turn.of(kwargs["overrides"])  # type: ignore[arg-type]
            if why := turn.why_not():
                current_host().log(f"{turn.settings.name}: {why}")
                return
            for command in function(*args, **kwargs):
                yield turn.watched(command)
        except Exception as error:
            refusal = refusal_of(error)
            told = FunctionCommand(lambda state, host: _tell(state, host, refusal), (), {})
            yield told if turn is None else turn.watched(told)

    return guarded


def refusal_of(error: Exception) -> Refusal:
    """Returns what an exception says, as a refusal; leaves where it came from in the debug log."""
    if isinstance(error, PgMigrateError):
        return error.refusal
    logger.log(logging.DEBUG, "".join(traceback.format_exception(error)))
    if isinstance(error, DeployError):
        return Refusal(
            Kind.SETTINGS, *(str(error).replace("DETAIL: ", "").replace("HINT: ", "").split("\n") + [""] * 3)[:3]
        )
    return Refusal(
        Kind.FAILED,
        f"could not go on with host {context.host.name}: {error}",
        f"Found {type(error).__name__} on the controller; expected none. What was done before it stands.",
        "Remove the cause, then run again: it resumes where it stopped. To see where it came from: pyinfra --debug",
    )


def _tell(_state: State, host: Host, refusal: Refusal) -> bool:
    for line in str(refusal).splitlines():
        host.log_styled(line, fg="red", log_func=logger.error)
    return False
