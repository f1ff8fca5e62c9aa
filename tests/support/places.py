"""Where the servers of the tests keep their data, and what memory their sessions take."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pyinfra_pgmigrate.embedded import memory_folder

_ROOM = 8 << 30


@cache
def in_memory() -> Path | None:
    """Returns a folder that is kept in memory, for data that is not to last; None where there is no room.

    Each test makes and drops databases, some 300 files each: on a disk that was a fifth of all the time.
    """
    return memory_folder(_ROOM)


def make_temporary_folder() -> Path | None:
    """Makes a folder in memory to which temporary files go from now on; None where there is no room, or TMPDIR is set.

    Each psql that the library starts has a folder with its script: on a disk that is half of what starting it costs.
    What killed test runs left of theirs goes.
    """
    place = in_memory()
    if place is None or "TMPDIR" in os.environ:
        return None
    for left in place.glob("pt-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left, ignore_errors=True)
    # A short name: sockets below it have a path of 107 bytes at the most.
    made = Path(tempfile.mkdtemp(prefix=f"pt-{os.getpid()}-", dir=place))
    os.environ["TMPDIR"] = tempfile.tempdir = str(made)
    # What the library keeps of files that it has read is of these tests alone, too.
    os.environ["XDG_CACHE_HOME"] = str(made / "cache")
    return made


# Pages of 2 MB for what sessions allocate, where the C library is glibc: nearly all sessions of the tests are short,
# and a third of what they cost was the kernel giving them memory, 4 kB at a time.
SERVER_ENVIRONMENT = {
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}={value}"
        for name, value in {
            "hugetlb": 1,
            "top_pad": 2 << 20,
            "mmap_threshold": 32 << 20,
            "trim_threshold": 128 << 20,
        }.items()
    )
}


@contextmanager
def server_environment() -> Iterator[None]:
    """Lets servers that are started meanwhile have that environment."""
    before = {name: os.environ.get(name) for name in SERVER_ENVIRONMENT}
    os.environ.update(SERVER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
