"""A scratch database: made on a server, handed out, and dropped whatever happens. On the controller, through psycopg.

Its name says when it was made, by the server's clock. One that a killed run has left is dropped by the next run on
that server.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from typing import Any

import psycopg
from psycopg import errors
from psycopg import sql as composed
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import Kind, PgMigrateError
from ..resources import read_sql

Tell = Callable[[str], None]

OLDEST_VERSION = 15

_PREFIX = "pgmigrate_scratch_"

# A scratch database has a session from a moment after it was made until its end: one without is left over.
_LEFT_AFTER_S = 60

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def session(conninfo: str) -> psycopg.Connection[Any]:
    """Returns a session in autocommit with the environment that migrations run in; the schema is public.

    What the controller's own environment says (PGCLIENTENCODING, PGOPTIONS, PGTZ) does not count.
    """
    given = conninfo_to_dict(conninfo)
    connection = psycopg.connect(
        conninfo,
        autocommit=True,
        # Statements prepared behind a migration's back would be ones that its run does not have.
        prepare_threshold=None,
        fallback_application_name="pgmigrate record",
        client_encoding="UTF8",
        options=given.get("options", ""),
    )
    pin(connection)
    return connection


def pin(connection: psycopg.Connection[Any], *schemas: str) -> None:
    """Sets a session to the environment that migrations run in, whatever was set before.

    + schemas: in which it finds names; not given: public
    """
    connection.execute(pinned(*schemas))


@cache
def pinned(*schemas: str, planned_once: bool = False, discards: bool = False) -> bytes:
    """Returns the statements of ``pin``, which are sent together: there are several for each statement recorded.

    + planned_once: for this transaction, what is prepared is planned once, whatever the values are and however large
      the catalogs will be
    + discards: what was left in the session is discarded first
    """
    path = composed.SQL(", ").join(map(composed.Identifier, (*(schemas or ("public",)), "pg_temp")))
    names = [*(["migrations/record_discard"] if discards else []), "migrations/record_pinned", "psql/pinned"]
    texts = composed.SQL("\n").join(map(composed.SQL, map(read_sql, names)))
    whole = composed.SQL("{}\nSET search_path = {};").format(texts, path)
    once = composed.SQL(read_sql("migrations/record_planned") if planned_once else "")
    return (whole + once).as_bytes()


@contextmanager
def scratch_database(conninfo: str, *, tell: Tell) -> Iterator[str]:
    """Makes an empty database on a server, yields its connection string, and drops it at the end.

    + conninfo: of any database of the server; needs CREATEDB
    + tell: takes a line for people
    It is dropped after errors, Ctrl-C and SIGTERM as well, with all its sessions. What an earlier run left is dropped
    first, where nobody uses it.
    Raises PgMigrateError: unreadable where the server is not to be reached or too old, privilege without CREATEDB.
    """
    with closing(_connected(conninfo)) as administrator:
        _drop_leftovers(administrator, conninfo, tell)
        name = _new_name(administrator)
        try:
            _make(administrator, name)
            yield make_conninfo(conninfo, dbname=name)
        finally:
            # Whoever stops the program a second time shall not keep it from cleaning up.
            with _undisturbed():
                _drop(conninfo, name, tell)


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    try:
        connection = session(conninfo)
    except psycopg.Error as error:
        raise PgMigrateError(
            Kind.UNREADABLE,
            "could not connect to the scratch server",
            detail=f"Found: {' '.join(str(error).split())}; expected a server on which databases can be made.",
            hint="Give another one: pgmigrate record --server CONNINFO",
        ) from error
    if connection.info.server_version // 10000 < OLDEST_VERSION:
        found = connection.info.server_version // 10000
        connection.close()
        raise PgMigrateError(
            Kind.UNREADABLE,
            f"cannot record on PostgreSQL {found}",
            detail=f"Found PostgreSQL {found}; expected {OLDEST_VERSION} or later.",
            hint="Give another one: pgmigrate record --server CONNINFO",
        )
    return connection


def _new_name(administrator: psycopg.Connection[Any]) -> str:
    row = administrator.execute("SELECT EXTRACT(epoch FROM pg_catalog.clock_timestamp())::bigint").fetchone()
    return f"{_PREFIX}{row[0] if row else 0}_{secrets.token_hex(4)}"


def _make(administrator: psycopg.Connection[Any], name: str) -> None:
    database = composed.Identifier(name)
    try:
        administrator.execute(
            composed.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(database),
        )
        administrator.execute(
            composed.SQL("COMMENT ON DATABASE {} IS {}").format(
                database, "pgmigrate: a recording made it; may be dropped when nobody is connected to it"
            )
        )
    except errors.InsufficientPrivilege as error:
        raise PgMigrateError(
            Kind.PRIVILEGE,
            f"could not make a scratch database: {error.diag.message_primary}",
            detail=f'Found role "{administrator.info.user}"; expected one that may make databases.',
            hint=f'Run as a superuser: ALTER ROLE "{administrator.info.user}" CREATEDB; or record on the embedded '
            "PostgreSQL, without --server.",
        ) from error
    except psycopg.Error as error:
        raise PgMigrateError(
            Kind.UNREADABLE,
            f"could not make a scratch database: {_said(error)}",
            detail=f"Found SQLSTATE {error.sqlstate}; expected a server that makes a database of encoding UTF8.",
            hint="Give another one: pgmigrate record --server CONNINFO; or record on the embedded PostgreSQL.",
        ) from error


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())


def _drop_leftovers(administrator: psycopg.Connection[Any], conninfo: str, tell: Tell) -> None:
    """Drops scratch databases that nobody uses and that are older than any run needs to connect."""
    for (name,) in administrator.execute(
        read_sql("migrations/record_leftovers").encode(), [_PREFIX, _LEFT_AFTER_S]
    ).fetchall():
        try:
            _release(conninfo, name)
            # Without FORCE: whoever has connected meanwhile keeps it.
            administrator.execute(composed.SQL("DROP DATABASE IF EXISTS {}").format(composed.Identifier(name)))
        except psycopg.Error as error:
            tell(f"note: could not drop {name}, which an earlier recording left: {_said(error)}")
        else:
            tell(f"dropped {name}, which an earlier recording left")


def _drop(conninfo: str, name: str, tell: Tell) -> None:
    # A session of its own: the one that made it may be broken, or in the middle of something.
    statement = composed.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(composed.Identifier(name))
    try:
        with closing(session(conninfo)) as administrator:
            try:
                administrator.execute(statement)
            except errors.ObjectInUse:
                _release(conninfo, name)
                administrator.execute(statement)
    except psycopg.Error as error:
        tell(f"note: could not drop {name}: {_said(error)}; the next recording on this server will try again")


def _release(conninfo: str, name: str) -> None:
    """Removes what keeps a database from being dropped: its subscriptions and replication slots."""
    with closing(session(make_conninfo(conninfo, dbname=name))) as inside:
        for (text,) in inside.execute(read_sql("migrations/record_release").encode()).fetchall():
            inside.execute(text.encode())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets no signal end the program meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):
                signal.signal(number, handler)
