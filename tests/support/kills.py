"""Kills one part of a rollback that a pyinfra of the test runs on a dockerized host, and looks what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from pyinfra_pgmigrate.catalog.lines import Catalog

from tests.docker.hosts import DockerHost
from tests.support.cli import Site
from tests.support.servers import Database
from tests.support.waiting import wait_for

ROLLBACK = "deploy/rollback.py"
# What the application had, and what only the migrations have: neither changes under the clients' writing.
KNOWN = """
SELECT 'variants', count(*), COALESCE(sum(hashtext(v::text)), 0)::bigint FROM project_variants AS v
UNION ALL
SELECT 'groups', count(*), COALESCE(sum(hashtext(id::text || variant_name)), 0)::bigint
FROM project_equipment_groups WHERE variant_name <> 'default'
"""
KEPT = """
SELECT table_name, kind, sum(row_count)::bigint FROM pgmigrate.quarantines
WHERE restored_at IS NULL AND row_count > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Used:
    """A database to copy, whose variants are in use.

    + first, after: its catalog before the migrations and after
    """

    template: Database
    first: Catalog
    after: Catalog

    def start_again(self, database: Database) -> None:
        """Makes the database anew."""
        database.close()
        database.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name)
        database.server.administer("CREATE DATABASE {} TEMPLATE {}", database.name, self.template.name)

    def ended(self, database: Database, known: list[tuple[Any, ...]]) -> str:
        """Returns "all" or "nothing"; fails where it is neither.

        + known: what ``KNOWN`` said before
        """
        found = database.catalog()
        if found == self.first:
            return "all"
        assert found == self.after
        assert database.rows(KNOWN) == known
        assert database.value("SELECT count(*) FROM pgmigrate.migrations") == 6
        assert database.rows("SELECT 1 FROM pgmigrate.quarantines") == []
        return "nothing"

    def end(self, site: Site, target: str, database: Database, state: str) -> None:
        """Runs the rollback once more, which ends it where nothing of it happened, and has nothing to do else."""
        # The killed run's lease ends after ten seconds, which need not be waited for.
        database.run("UPDATE pgmigrate.runs SET seen_at = seen_at - interval '1 min'")
        second = site.run("-y", target, ROLLBACK)
        assert second.status == 0, second.output
        assert second.changed == ([] if state == "all" else ["Rollback"])
        assert database.catalog() == self.first
        assert database.value("SELECT count(*) FROM pgmigrate.migrations") == 0


def kill(victim: str, host: DockerHost, begun: subprocess.Popen[str]) -> None:
    """Ends with SIGKILL: psql, all of the server, or pyinfra."""
    if victim == "pyinfra":
        os.killpg(begun.pid, signal.SIGKILL)
    else:
        name = "psql" if victim == "psql" else "postgres"
        host.run("sh", "-c", f"pkill -9 -x {name} || true")


def wait_until_quiet(database: Database, host: DockerHost) -> None:
    """Waits until the server answers and nothing of the killed run goes on, neither there nor on the host."""
    wait_for(partial(_is_quiet, database, host), what="the end of the killed session", seconds=60)


def _is_quiet(database: Database, host: DockerHost) -> bool:
    """A command that was just handed over may need a moment to begin: three looks."""
    for _ in range(3):
        try:
            if database.rows("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pgmigrate %'"):
                return False
        except psycopg.Error:
            database.close()
            return False
        if host.run("sh", "-c", "pgrep -x psql || pgrep -f '/[t]mp/pgmigrate' || true").strip():
            return False
        time.sleep(0.2)
    return True
