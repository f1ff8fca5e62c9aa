"""Sizes, spans of time and names of others, as people read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What a terminal takes for a command, or what turns the direction of a text: all but line ends and tabs.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""Returns a text for a terminal: names, labels and messages of others can tell that nothing.

    >>> print(visible("a\x1b[31mb\u202e"))
    a\u001b[31mb\u202e
    """
    return _COMMANDS.sub(lambda found: "\\r" if found[0] == "\r" else f"\\u{ord(found[0]):04x}", text)


def size(size_bytes: int) -> str:
    """Returns a size with its unit.

    >>> size(8363367)
    '8.0 MiB'
    """
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def pace(done_bytes: float, total_bytes: float, seconds: float) -> str:
    """Returns how far something is, how fast, and how long it still takes, as far as that is known.

    + total_bytes: about; 0: not known
    >>> pace(2**30, 3 * 2**30, 60)
    '1.0 GiB of about 3.0 GiB, 17.1 MiB/s, about 2 min left'
    >>> pace(2**20, 0, 2)
    '1.0 MiB, 512.0 KiB/s'
    """
    rate = done_bytes / seconds if seconds > 0 else 0.0
    speed = f", {size(int(rate))}/s" if rate >= 1 else ""
    if done_bytes >= total_bytes:
        # Estimates may be too small.
        return f"{size(int(done_bytes))}{speed}"
    left = f", about {age((total_bytes - done_bytes) / rate)} left" if rate >= 1 and seconds >= 1 else ""
    return f"{size(int(done_bytes))} of about {size(int(total_bytes))}{speed}{left}"


def age(seconds: float) -> str:
    """Returns a time span in its largest unit.

    >>> age(7300)
    '2 h'
    """
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def ranges(numbers: Iterable[int]) -> str:
    """Returns numbers in order, three and more that follow each other by the first and the last.

    >>> ranges([1, 2, 4, 5, 6, 9])
    '1, 2, 4 to 6, 9'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run) for run in runs)
    return ", ".join(one for run in told for one in run)
