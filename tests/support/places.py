"""Where the servers of the tests keep their data."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 8 << 30


@cache
def in_memory() -> Path | None:
    """Returns a folder that is kept in memory, for data that is not to last; None where there is no room.

    Each test makes and drops databases, some 300 files each: on a disk that was a fifth of all the time.
    """
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY
