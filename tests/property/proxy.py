"""A stop that is real: a way to the server that breaks before a certain query.

psql sends each statement as one query message. What goes through is counted; before the query of a chosen number both
ends are closed, as when a machine or its network dies. So a run can be stopped between any two steps, or within one,
without any help from what is tested.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any

_PORT = 5432
_CHUNK = 65536


@dataclass
class Proxy:
    """A folder with a socket that leads to a server.

    + folder: to connect to, as pg_host
    + queries: texts of the query messages that went through, in order; times: when, in monotonic seconds
    + stop_before: number of the query, counted from 0, that is not let through; None: all are
    + has_stopped: that came to pass
    """

    folder: Path
    conninfo: dict[str, Any]
    queries: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    stop_before: int | None = None
    has_stopped: bool = False
    _lock: Lock = field(default_factory=Lock)

    @property
    def port(self) -> int:
        """The port, as pg_port."""
        return _PORT

    def expect(self, stop_before: int | None = None) -> None:
        """Counts from 0 again, and stops once before a query."""
        with self._lock:
            self.queries, self.times = [], []
            self.stop_before, self.has_stopped = stop_before, False

    def serve(self, listener: socket.socket) -> None:
        """Takes connections until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        server = self._server()
        Thread(target=_pump, args=(server, client), daemon=True).start()
        try:
            self._forward(client, server)
        except (OSError, EOFError):
            pass
        finally:
            _close(server, client)

    def _server(self) -> socket.socket:
        host, port = str(self.conninfo["host"]), int(self.conninfo["port"])
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        found = socket.socket(socket.AF_UNIX)
        found.connect(f"{host}/.s.PGSQL.{port}")
        return found

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        # The first message has no type: its length, itself included, then what is asked for.
        head = _exactly(client, 4)
        server.sendall(head + _exactly(client, struct.unpack("!I", head)[0] - 4))
        while True:
            head = _exactly(client, 5)
            body = _exactly(client, struct.unpack("!I", head[1:])[0] - 4)
            if head[:1] == b"Q" and not self._lets_through(body.rstrip(b"\0").decode()):
                return
            server.sendall(head + body)

    def _lets_through(self, text: str) -> bool:
        with self._lock:
            if self.stop_before == len(self.queries) and not self.has_stopped:
                self.has_stopped = True
                return False
            self.queries.append(text)
            self.times.append(monotonic())
            return True


def _exactly(source: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = source.recv(min(count, _CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(_CHUNK):
            target.sendall(part)
    except OSError:
        pass
    finally:
        _close(source, target)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def proxy_to(conninfo: dict[str, Any]) -> Iterator[Proxy]:
    """Opens a way to a server.

    + conninfo: with host and port
    """
    # Short: a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pgway-"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/.s.PGSQL.{_PORT}")
    listener.listen()
    proxy = Proxy(folder, conninfo)
    thread = Thread(target=proxy.serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)
        shutil.rmtree(folder)
