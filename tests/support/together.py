"""Cases that do not know of each other, in one database: each has names that begin as no other's do."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

# What a case makes or gives a name to.
_MADE = re.compile(
    r"\b(?:CREATE (?:(?:UNIQUE|MATERIALIZED) )?(?:TABLE|VIEW|INDEX|SEQUENCE|TYPE|DOMAIN|FUNCTION|AGGREGATE|SCHEMA"
    r"|STATISTICS|COLLATION)(?: CONCURRENTLY)?|RENAME TO|CONSTRAINT(?= \w+ UNIQUE)) ([a-z]\w*)"
)
_WRONG = re.compile(r"ERROR|DETAIL|cannot|could not")
_PREFIX = re.compile(r"(?<![^\W_])c(\d\d)_")


def prefix(number: int) -> str:
    """Returns what the names of a case begin with, by its place among all of them."""
    return f"c{number:02}_"


def renaming(texts: Iterable[str], number: int) -> Callable[[str], str]:
    """Returns what puts the prefix of a case before each name that its texts make, also within a longer one."""
    names = sorted({name for text in texts for name in _MADE.findall(text)}, key=len, reverse=True)
    name = re.compile(rf"(?<![^\W_])(?<![$%\\])(?:{'|'.join(names) or '(?!)'})(?=_|\b)")
    return lambda text: name.sub(lambda found: f"{prefix(number)}{found[0]}", text)


def told(lines: Iterable[str], cases: Sequence[str]) -> dict[str, list[str]]:
    """Returns lines by the case that they are about, or under "" where none is; without what a diff has around.

    + cases: by number
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        if not line.startswith(" "):
            for case in {cases[int(number)] for number in _PREFIX.findall(line)} or {""}:
                found[case].append(line)
    return {case: about for case, about in found.items() if case or len(found) == 1}


def wrong(lines: Iterable[str]) -> list[str]:
    """Returns the lines of a run that say what went wrong."""
    return [line for line in lines if _WRONG.search(line)]
