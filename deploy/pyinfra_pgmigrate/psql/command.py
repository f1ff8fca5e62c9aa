"""The only place that builds psql's command line, and that reads what programs print; ``programs`` has the others.

A script goes over standard input into a private file on the host, its SHA-256 is checked there, then
``psql --file`` runs it. So a connection that breaks cannot cut a script short, an error message is
never lost in a broken pipe, and whoever kills the controller does not stop half of a transaction
(measured with pyinfra 3.10: all three happen when a script is piped straight into psql). The password
is the first line of standard input: it is in no argument list, no environment assignment of a
command and no log.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass

from ..resources import read_shell
from ..settings import Connection
from .answer import EXIT_DAMAGED, EXIT_FULL, EXIT_NO_PSQL, MARK

# Bytes of psql's error output that come back.
_MOST_ERROR_BYTES = 16000


# Runs under any POSIX shell. Arguments: SHA-256 of the script, psql, connection string, seconds to wait
# for a connection, and whether the script wants to know the user (empty: it does not). Always exits 0 and prints
# psql's own status: a fact that fails would be mistaken for one that found nothing.
_WRAPPER = rf"""
{read_shell("psql/room")}
umask 077
IFS= read -r password

# Says that there is no room. The rest is read all the same: whoever sends it must not meet a closed pipe.
full() {{
    cat >/dev/null
    echo "{MARK} errors $(printf '%s\n' "$1" | base64 | tr -d '\n')"
    echo '{MARK} exit {EXIT_FULL}'
    exit 0
}}
make_room || full "cannot make a folder in ${{TMPDIR:-/tmp}}: $(df -Pk "${{TMPDIR:-/tmp}}" 2>&1 | tail -n 1)"
trap clear_room EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
why=$(cat 2>&1 >"$work/script.sql") || full "$why"
found=$(sha256sum <"$work/script.sql")
if [ "${{found%% *}}" != "$1" ]; then echo '{MARK} exit {EXIT_DAMAGED}'; exit 0; fi
if ! command -v "$2" >/dev/null 2>&1; then echo '{MARK} exit {EXIT_NO_PSQL}'; exit 0; fi
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
LC_ALL=C PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=$4; export LC_ALL PGCLIENTENCODING PGCONNECT_TIMEOUT
# Linux tells its name without a process.
host_name=
[ ! -r /proc/sys/kernel/hostname ] || IFS= read -r host_name </proc/sys/kernel/hostname
os_user=
[ -z "$5" ] || os_user=$(id -un)
status=0
# No file holds what it prints: psql ends with status 0 where that cannot be written.
output=$("$2" --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 \
    --set=os_user="$os_user" --set=host_name="${{host_name:-$(uname -n)}}" \
    --dbname="$3" --file="$work/script.sql" \
    2>"$work/errors" </dev/null) || status=$?
printf '%s\n' "$output"
if [ -s "$work/errors" ]; then
    echo "{MARK} errors $(tail -c {_MOST_ERROR_BYTES} "$work/errors" | base64 | tr -d '\n')"
fi
echo "{MARK} exit $status"
"""


@dataclass(frozen=True)
class Command:
    """A shell command and what it must be given on standard input.

    + line: for a POSIX shell; holds no secret
    + stdin: the password or an empty line, then the script
    """

    line: str
    stdin: tuple[str, ...]


def conninfo(connection: Connection) -> str:
    """Returns libpq's connection string, without the password.

    Source: PostgreSQL manual, "Connection Strings", keyword/value form. Given as such it cannot be
    taken for anything else, whatever the database is called.
    """
    values = {
        "service": connection.service,
        "host": connection.host,
        "port": connection.port,
        "user": connection.user,
        "dbname": connection.database,
        "sslmode": connection.sslmode,
        "sslrootcert": connection.sslrootcert,
        "sslcert": connection.sslcert,
        "sslkey": connection.sslkey,
        "target_session_attrs": connection.target_session_attrs,
    }
    return " ".join(f"{name}={_conninfo_value(value)}" for name, value in values.items() if value is not None)


def _conninfo_value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def psql_command(script: str, connection: Connection) -> Command:
    """Returns the command that runs a script with psql on the host."""
    body = script if script.endswith("\n") else script + "\n"
    program = "psql" if connection.bin_dir is None else f"{connection.bin_dir.rstrip('/')}/psql"
    arguments = [
        hashlib.sha256(body.encode()).hexdigest(),
        program,
        conninfo(connection),
        str(max(2, round(connection.connect_timeout_s))),
        # A process more, which most scripts can do without.
        "os_user" if ":'os_user'" in body else "",
    ]
    password = "" if connection.password is None else connection.password.reveal()
    line = " ".join(["sh -c", shlex.quote(_WRAPPER), "pgmigrate", *map(shlex.quote, arguments)])
    return Command(line, (password, body))
