"""Waiting for a condition with a deadline, in place of sleeping for a while and hoping."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], *, what: str, seconds: float = 10.0, every: float = 0.02) -> T:
    """Returns the first true value of a condition; fails when it does not come in time."""
    deadline = monotonic() + seconds
    pause = Event()
    while not (found := condition()):
        if monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        pause.wait(every)
    return found
