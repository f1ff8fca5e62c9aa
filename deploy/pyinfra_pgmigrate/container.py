"""PostgreSQL in a container, for recording what the embedded server cannot: other extensions, other versions.

Needs the command ``docker`` on the controller, or one that takes the same arguments under that name, and an image
that is made like the official ``postgres``: it takes the superuser's password from POSTGRES_PASSWORD and listens on
port 5432.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
from psycopg.conninfo import make_conninfo

from .errors import Kind, PgMigrateError

# Seconds until the server answers, once its image is there.
_START_S = 120.0
_MOST_OUTPUT = 400

# Its data are not to be kept.
_OPTIONS = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextmanager
def container_server(image: str) -> Iterator[str]:
    """Starts a server in a container and yields how to reach its superuser; removes it with all its data at the end.

    + image: such as ``postgis/postgis:17-3.5``; fetched where it is not there
    Its port is open on this machine alone, and the password is one of its own. Raises PgMigrateError (settings) without
    the command docker, for an image that cannot be run, and where the server does not answer within 120 s.
    """
    if shutil.which("docker") is None:
        raise _failed(image, "Found no command docker; expected one that runs containers on this machine.")
    password = secrets.token_urlsafe(24)
    name = f"pgmigrate-record-{os.getpid()}-{secrets.token_hex(4)}"
    words = ["run", "--detach", "--rm", "--name", name, "--env", "POSTGRES_PASSWORD", "--publish", "127.0.0.1::5432"]
    try:
        # The password is in the environment, which nobody else can see, and in no argument.
        _docker(image, *words, image, *_OPTIONS, POSTGRES_PASSWORD=password)
        published = _docker(image, "port", name, "5432/tcp").splitlines()[0]
        conninfo = make_conninfo(
            host="127.0.0.1",
            port=published.rpartition(":")[2],
            user="postgres",
            password=password,
            dbname="postgres",
        )
        _wait(image, name, conninfo)
        yield conninfo
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


def _docker(image: str, *words: str, **environment: str) -> str:
    ended = subprocess.run(
        ["docker", *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        found = " ".join(ended.stderr.split())[-_MOST_OUTPUT:] or f"exit status {ended.returncode}"
        raise _failed(image, f"Found: {found}; expected docker {words[0]} to succeed.")
    return ended.stdout


def _wait(image: str, name: str, conninfo: str) -> None:
    """Waits until the server answers; an image may start another one first, that nobody can reach from outside."""
    deadline = monotonic() + _START_S
    while True:
        try:
            psycopg.connect(conninfo, connect_timeout=5).close()
        except psycopg.Error as error:
            said = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=False)
            # One that has ended is gone, with what it printed.
            if said.returncode != 0 or monotonic() > deadline:
                last = " ".join((said.stdout + said.stderr).split())[-_MOST_OUTPUT:]
                found = f"{' '.join(str(error).split())}; its container printed: {last or 'nothing'}"
                raise _failed(image, f"Found: {found}; expected a server that takes connections.") from error
            sleep(0.1)
        else:
            return


def _failed(image: str, detail: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.SETTINGS,
        f'could not start PostgreSQL in a container of image "{image}"',
        detail=detail,
        hint=f"Try by hand: docker run --rm -e POSTGRES_PASSWORD=secret {shlex.quote(image)}; or give a server: "
        "pgmigrate record --server CONNINFO",
    )
