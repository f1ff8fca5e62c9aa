"""WAL segments of an archive: whether there is a gap among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_SEGMENT = re.compile(r"[0-9A-F]{24}")


def gap(archived: Collection[str], start: str, until: str, segment_bytes: int) -> str | None:
    """Returns the first WAL segment that is missing in an archive, or None.

    + archived: names of segments; others count as well, and do not matter
    + start, until: the first and the last that are needed, of one timeline
    """
    there = set(archived)
    for name in _segments(start, until, segment_bytes):
        if name not in there:
            return name
    return None


def newest_segment(archived: Collection[str], start: str) -> str:
    """Returns the newest WAL segment of an archive on the timeline of a segment; that one itself where it has none."""
    return max((one for one in archived if one[:8] == start[:8] and _SEGMENT.fullmatch(one)), default=start)


def timeline(segment: str) -> int:
    """Returns the timeline of a WAL segment."""
    return int(segment[:8], 16)


def _segments(start: str, until: str, segment_bytes: int) -> Iterator[str]:
    # Source: PostgreSQL, src/include/access/xlog_internal.h, XLogFileName.
    a_file = 0x1_0000_0000 // segment_bytes

    def number(name: str) -> int:
        return int(name[8:16], 16) * a_file + int(name[16:24], 16)

    for one in range(number(start), number(until) + 1):
        yield f"{start[:8]}{one // a_file:08X}{one % a_file:08X}"
