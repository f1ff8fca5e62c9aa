"""What a program of the library printed on the host, as values. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MARK = "##pgmigrate"

# How psql begins what the server says, with VERBOSITY verbose; whatever the language, the SQLSTATE is there.
_TOLD = re.compile(r"^psql:\S+?:(?P<line>\d+): \S+  (?P<sqlstate>[0-9A-Z]{5}): ", re.MULTILINE)


EXIT_DAMAGED = 65


EXIT_FULL = 73


EXIT_NO_PSQL = 127


EXIT_CONNECTION = 2


EXIT_SCRIPT = 3


@dataclass(frozen=True)
class Answer:
    """What psql printed.

    + status: psql's exit status; None where no end was seen, so nothing is known
    + lines: word and JSON value of each line that the script printed for us
    + errors: the end of its error output
    """

    status: int | None
    lines: tuple[tuple[str, Any], ...] = ()
    errors: str = ""

    def values(self, word: str) -> list[Any]:
        """Returns the values of all lines with this word, in order."""
        return [value for found, value in self.lines if found == word]

    def value(self, word: str) -> Any:
        """Returns the value of the one line with this word, or None."""
        found = self.values(word)
        return found[0] if found else None

    def text(self, word: str) -> str:
        """Returns the text that came as base64 within a line, such as a program's error output."""
        return base64.b64decode(self.value(word) or "").decode(errors="replace").strip()

    @property
    def sqlstate(self) -> str:
        """SQLSTATE of the error that ended the script; empty where there is none."""
        return "" if (found := self._last_told) is None else found["sqlstate"]

    @property
    def line(self) -> int:
        """Line of the script, counted from 1, at which the command ended that failed; 0 where there is none."""
        return 0 if (found := self._last_told) is None else int(found["line"])

    @property
    def message(self) -> str:
        """The server's own message with its detail and hint, in one line; whatever psql said otherwise."""
        text = self.errors if (found := self._last_told) is None else self.errors[found.end() :]
        # What names schema, table and constraint again is the server's own short form of the message.
        kept = [
            line.strip()
            for line in text.splitlines()
            if not re.match(r"LOCATION:|CONTEXT:|LINE \d+:| +\^|[A-Z]+ NAME:", line)
        ]
        return " ".join(line.removeprefix("psql: error: ") for line in kept if line)

    @property
    def _last_told(self) -> re.Match[str] | None:
        """The head of the server's last message: warnings may stand before the error, which ends the script."""
        return next(reversed(list(_TOLD.finditer(self.errors))), None)


def read_answer(output: Sequence[str]) -> Answer:
    """Returns what the lines of a command's standard output say.

    Raises ValueError for a line of ours that cannot be read.
    """
    status: int | None = None
    lines: list[tuple[str, Any]] = []
    errors = ""
    for line in output:
        if not line.startswith(MARK):
            continue
        _, word, *rest = line.split(" ", 2)
        payload = rest[0] if rest else ""
        if word == "exit":
            status = int(payload)
        elif word == "errors":
            errors = base64.b64decode(payload).decode(errors="replace")
        else:
            lines.append((word, json.loads(base64.b64decode(payload))))
    return Answer(status, tuple(lines), errors)


@dataclass(frozen=True)
class Unreadable:
    """The database could not be read: what psql said instead."""

    status: int | None
    sqlstate: str
    message: str
