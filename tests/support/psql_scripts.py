"""What psql would make of a script: its variables, its branches and its transactions, without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SET = re.compile(r"^\\set (\S+) '((?:[^'\\]|''|\\.)*)'$", re.MULTILINE)
# Manual of psql, "Meta-Commands": within single quotes, C-like substitutions.
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BEGIN = re.compile(r"^BEGIN\b[^;]*;$")
_END = re.compile(r"^(?:COMMIT|ROLLBACK);$")


def _unquoted(text: str) -> str:
    return re.sub(
        r"''|\\(.)", lambda found: "'" if found[1] is None else _ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL
    )


def variables(script: str) -> list[tuple[str, str]]:
    """Returns the variables that a script sets to a quoted text, in order."""
    return [(found[1], _unquoted(found[2])) for found in _SET.finditer(script)]


def values_of(script: str, name: str) -> list[str]:
    """Returns every value that a script gives to a variable, in order."""
    return [value for found, value in variables(script) if found == name]


def value_of(script: str, name: str) -> str:
    """Returns the one value that a script gives to a variable."""
    (found,) = values_of(script, name)
    return found


def is_balanced(script: str) -> bool:
    r"""Tells whether every \\if of a script has its \\endif."""
    depth = 0
    for line in script.splitlines():
        if line.startswith("\\if "):
            depth += 1
        elif line == "\\endif":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0


def in_transactions(script: str) -> Iterator[tuple[str, bool]]:
    r"""Yields each line of a script with whether it stands in a transaction.

    A ROLLBACK within \\if ends the script as well, so that what follows is the other way.
    """
    depth, inside = 0, False
    for line in script.splitlines():
        if line.startswith("\\if "):
            depth += 1
        elif line == "\\endif":
            depth -= 1
        elif _BEGIN.match(line):
            if inside:
                raise ValueError(f"a transaction begins within another: {line}")
            inside = True
        elif _END.match(line) and depth == 0:
            if not inside:
                raise ValueError(f"no transaction ends with {line}")
            inside = False
        elif _END.match(line):
            # Registry files begin and end their own in a branch.
            inside = inside and line == "ROLLBACK;"
        yield line, inside
