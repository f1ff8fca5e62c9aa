"""Why a database could not be read, for people. Pure."""

from __future__ import annotations

import re

from ..errors import Kind, Refusal
from ..settings import Connection
from .answer import EXIT_CONNECTION, EXIT_FULL, EXIT_NO_PSQL, EXIT_SCRIPT, Unreadable
from .command import conninfo

# Feature not supported; source: PostgreSQL manual, "Error Codes".
TOO_OLD = "0A000"


# Object not in prerequisite state.
PLANTED = "55000"


# What a connection error says, and what to do about it; the first that fits counts. libpq speaks English, as it is
# told to; the server speaks the language of its lc_messages, and then the names in its message tell what it is about.
_CONNECTION_HINTS = (
    ("password authentication failed", "Correct pg_user or pg_password (or ~/.pgpass on the host)."),
    ("no password supplied", "Set pg_password, or put the password into ~/.pgpass on the host."),
    (
        "Peer authentication failed",
        "Run psql as that user: set _sudo_user in the group data, or use pg_host.",
    ),
    ("could not translate host name", "Correct pg_host."),
    ("system is starting up", "Wait until the server has started, then run again: pg_isready"),
    (
        "too many clients",
        "Let sessions end, or raise max_connections: SELECT usename, count(*) FROM pg_stat_activity GROUP BY 1",
    ),
    (
        "remaining connection slots",
        "Let sessions end, or raise max_connections: SELECT usename, count(*) FROM pg_stat_activity GROUP BY 1",
    ),
    ("root certificate file", "Put the server's root certificate there, on the host, or correct pg_sslrootcert."),
    (
        "certificate verify failed",
        "Correct pg_sslrootcert: it must have the certificate of the authority that signed the server's.",
    ),
    ("does not match host name", "Name the server in pg_host as its certificate does, or set pg_sslmode=verify-ca."),
    ("server does not support SSL", "Let the server's administrator set ssl = on, or correct pg_sslmode."),
    ("private key file", "Correct pg_sslkey: a file on the host that the user of psql alone may read (chmod 600)."),
    ("certificate file", "Correct pg_sslcert: a file on the host that the user of psql may read."),
    *(
        (text, "Name another server in pg_host, or correct pg_target_session_attrs: it takes none of these.")
        for text in ("session is read-only", "session is not read-only", "hot standby mode")
    ),
    ("definition of service", "Correct pg_service, or add it to pg_service.conf on the host."),
    # These two name the database as well, and it is there.
    ("pg_hba.conf", "Let the server's administrator add a line for that host and role to pg_hba.conf."),
    ("permission denied for database", "Let its owner run: GRANT CONNECT ON DATABASE DATABASE TO ROLE"),
    ("FATAL:  role ", "Correct pg_user, or let a superuser create the role."),
    ("FATAL:  database ", "Correct pg_database; to see the names on the host: psql --list"),
)
_NO_SERVER = "See that the server runs and listens there: pg_isready"
_REFUSED = "The server is there, and refuses: do what its message says."
_ABOUT_ROLE = "Correct pg_user or pg_password: it is the role that the server's message names."
_ABOUT_DATABASE = "Correct pg_database: it is what the server's message names; to see the names: psql --list"

# How PostgreSQL begins an error that ends a session, in its languages; source: src/backend/po.
_FATAL = re.compile(
    r" failed: (?:FATALE?T?|ВАЖНО|ФАТАЛЬНО|ფატალური|치명적오류|致命错误|致命錯誤|KATASTROFALNY|ÖLÜMCÜL):"
)


def _connection_hint(message: str, connection: Connection) -> str:
    for text, hint in _CONNECTION_HINTS:
        if text in message:
            return hint
    if not _FATAL.search(message):
        return _NO_SERVER
    if _names(message, connection.database):
        return _ABOUT_DATABASE
    return _ABOUT_ROLE if connection.user and _names(message, connection.user) else _REFUSED


def _names(message: str, name: str) -> bool:
    """Tells whether a message of the server has a name in quotes, as its language writes them."""
    said = message[message.index(" failed: ") :]
    return re.search(rf"[\"«»„“”]\s?{re.escape(name)}\s?[\"«»“”]", said) is not None


def unreadable(found: Unreadable | None, *, host: str, connection: Connection, account: str = "") -> Refusal:
    """Returns why a database could not be read, for people.

    + found: None where not even the shell command ended well
    + account: of the host, that was to run it; empty for the one that is logged in
    """
    what = f'could not read database "{connection.database}" on host {host}'
    where = conninfo(connection)
    if found is None or found.status is None:
        who = f' as account "{account}"' if account else ""
        # pyinfra says nothing of an account that is not there: an operation of the run may make it.
        lack = f' Where nothing stands above, there is no account "{account}".' if account else ""
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: the command on the host did not end{who}",
            detail=f"Found no answer; expected psql's exit status. What the host said stands above.{lack}",
            hint=f"Try by hand: pyinfra {host} exec -- id {account}".rstrip(),
        )
    if found.status == EXIT_NO_PSQL:
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: psql is not there",
            detail=f"Found no program psql in {connection.bin_dir or 'PATH'}; expected the client programs.",
            hint="Install postgresql-client on the host, or set pg_bin_dir.",
        )
    if found.status == EXIT_FULL:
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: no temporary file can be written",
            detail=f"Found: {found.message}; expected room for a script in TMPDIR or /tmp of the host.",
            hint=f"Make room there: pyinfra {host} exec -- df -h /tmp",
        )
    if found.status == EXIT_CONNECTION:
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: no connection",
            detail=f"Found: {found.message}. Expected a connection with {where}.",
            hint=_connection_hint(found.message, connection),
        )
    if (found.status, found.sqlstate) == (EXIT_SCRIPT, TOO_OLD):
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: PostgreSQL {found.message} is too old",
            detail=f"Found version {found.message}; expected 15 or later.",
            hint="Upgrade the server; for older ones use another tool.",
        )
    if (found.status, found.sqlstate) == (EXIT_SCRIPT, PLANTED):
        return Refusal(
            Kind.REGISTRY,
            f"{what}: its registry cannot be trusted",
            detail=f"Found: {found.message}; expected plain tables of the role that connects, of a superuser or of "
            "the owner of the database. Nothing in it was read, as whoever made it could have anything run.",
            hint="Connect as the role that made the registry. If it is not one of yours: "
            "ALTER SCHEMA pgmigrate RENAME TO pgmigrate_foreign",
        )
    if (found.status, found.sqlstate) == (EXIT_SCRIPT, "42501"):
        return Refusal(
            Kind.PRIVILEGE,
            f"{what}: {found.message}",
            detail=f"Found SQLSTATE {found.sqlstate}; expected a role that may read schema pgmigrate.",
            hint="Connect as the role that made the registry, or let it run: "
            "GRANT USAGE ON SCHEMA pgmigrate TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA pgmigrate TO ROLE",
        )
    if (found.status, found.sqlstate) == (EXIT_SCRIPT, "55P03"):
        return Refusal(
            Kind.LOCK,
            f"{what}: a table is locked",
            detail=f"Found: {found.message}; expected to read the catalog within 10 s.",
            hint="See who holds it: SELECT * FROM pg_locks WHERE mode = 'AccessExclusiveLock', then run again.",
        )
    return Refusal(
        Kind.UNREADABLE,
        f"{what}: psql ended with status {found.status}",
        detail=f"Found: {found.message or 'no message'}. Expected status 0.",
        hint=f"Try by hand on the host: psql \"{where}\" --command='SELECT 1'",
    )
