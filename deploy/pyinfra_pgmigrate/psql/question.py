"""What a database is asked, and how its answer is read: one object, beside its SQL. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .answer import Answer

_T = TypeVar("_T")


@dataclass(frozen=True)
class Question(Generic[_T]):
    """A question to a database. It changes nothing.

    + purpose: what it is about, for people; not what the script says, which may hold what nobody should read
    + script: for psql
    + read: returns the value of an answer; raises ValueError, KeyError or TypeError for one that cannot be read
    """

    purpose: str
    script: str = field(repr=False)
    read: Callable[[Answer], _T] = field(repr=False)


def unread(answer: Answer) -> str:
    """Returns why a question has no value, in the words of whoever answered."""
    return answer.message or answer.errors or "no answer"
