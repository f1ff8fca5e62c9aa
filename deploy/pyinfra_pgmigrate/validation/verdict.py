"""A check of a database and its verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What a check found."""

    PASS = "PASS"  # noqa: S105  (no password)
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Check:
    """One check of one object.

    + name: what was looked at; object: where
    + hint: the one next command or statement; empty where the name of the check says it all
    """

    verdict: Verdict
    name: str
    object: str
    found: str = ""
    expected: str = ""
    hint: str = ""
