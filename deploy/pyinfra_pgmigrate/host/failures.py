"""What goes wrong on one host is told there, and stops no other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator
from functools import wraps
from typing import ParamSpec

from pyinfra import context, logger
from pyinfra.api import DeployError, FunctionCommand, Host, State

from ..errors import Kind, PgMigrateError, Refusal
from .pyinfra_api import is_preparing

_P = ParamSpec("_P")
_Commands = Generator[FunctionCommand, None, None]


def on_one_host(function: Callable[_P, _Commands]) -> Callable[_P, _Commands]:
    """Makes an operation fail its own host alone when it raises while it is executed."""

    @wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _Commands:
        try:
            yield from function(*args, **kwargs)
        except Exception as error:
            if is_preparing():
                raise
            refusal = refusal_of(error)
            yield FunctionCommand(lambda state, host: _tell(state, host, refusal), (), {})

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
