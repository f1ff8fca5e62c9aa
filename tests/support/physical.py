"""pgBackRest on a dockerized host, and a server recovered from it beside the one that runs."""

from __future__ import annotations

from tests.docker.hosts import DockerHost
from tests.support.waiting import wait_for

_CONF = """[global]
repo1-path=/var/lib/pgbackrest
repo1-retention-full=2
start-fast=y
compress-type=lz4
process-max=2
archive-timeout=20
[main]
pg1-path=/srv/postgresql
"""
BESIDE = "/srv/recovered"


def sql(host: DockerHost, text: str, database: str = "postgres", port: int = 5432) -> str:
    """Returns what psql prints on the host."""
    return host.run(
        "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-p", str(port), "-d", database, "-c", text, user="postgres"
    )


def archive(host: DockerHost) -> None:
    """Lets the server archive its write-ahead log with pgBackRest; there is no backup yet."""
    host.write("/etc/pgbackrest.conf", _CONF)
    host.run("chown", "postgres", "/etc/pgbackrest.conf")
    sql(host, "ALTER SYSTEM SET archive_mode = on")
    sql(host, "ALTER SYSTEM SET archive_command = 'pgbackrest --stanza=main archive-push %p'")
    programs = host.run("sh", "-c", "dirname $(ls /usr/lib/postgresql/*/bin/postgres)").strip()
    # It is started again.
    host.run(f"{programs}/pg_ctl", "-D", "/srv/postgresql", "-m", "fast", "-W", "stop", user="postgres")
    wait_for(lambda: _archives(host), what="a server that archives", seconds=60)
    pgbackrest(host, "--stanza=main", "stanza-create")


def _archives(host: DockerHost) -> bool:
    try:
        return sql(host, "SHOW archive_mode").strip() == "on"
    except Exception:
        return False


def pgbackrest(host: DockerHost, *arguments: str) -> str:
    """Returns what pgBackRest prints."""
    return host.run("pgbackrest", *arguments, user="postgres")


def recover_beside(host: DockerHost, command: str, port: int = 5433) -> None:
    """Runs the command that recovers a server, into another folder, and starts it there on another port."""
    host.run("install", "-d", "-m", "700", "-o", "postgres", BESIDE)
    host.run("sh", "-c", f"{command} --pg1-path={BESIDE}", user="postgres")
    start_beside(host, port)


def start_beside(host: DockerHost, port: int = 5433) -> None:
    """Starts the server that was recovered into another folder, and waits until it may be written to."""
    # It is not to archive into the repository of the other one.
    programs = host.run("sh", "-c", "dirname $(ls /usr/lib/postgresql/*/bin/postgres)").strip()
    options = f"-p {port} -c archive_mode=off -c logging_collector=off"
    host.run(
        "sh", "-c",
        f"{programs}/pg_ctl -D {BESIDE} -o '{options}' -w -t 300 -l /tmp/recovered.log start >/dev/null && "
        f"until psql -p {port} -XqAtc 'SELECT pg_is_in_recovery()' postgres | grep -q f; do sleep 0.2; done",
        user="postgres",
    )  # fmt: skip
