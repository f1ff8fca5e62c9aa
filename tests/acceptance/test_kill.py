"""kill -9 at random moments of a rollback under load: all of it or nothing, and the next run ends it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
import pytest
from pyinfra_pgmigrate.catalog import Catalog

from tests.conftest import Machines
from tests.docker.hosts import DockerHost
from tests.integration.test_conflicts import use_variants
from tests.support.cli import Site
from tests.support.harness import migrate
from tests.support.servers import Database
from tests.support.waiting import wait_for
from tests.support.writers import Writers

pytestmark = pytest.mark.acceptance

ROLLBACK = "deploy/rollback.py"
KILLS = {"psql": 17, "pyinfra": 17, "server": 16}
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


class TestKilled:
    @pytest.fixture
    def used(self, machines: Machines, host: DockerHost) -> Iterator[tuple[Database, Catalog, Catalog]]:
        """A template whose variants are in use, with its catalog before the migrations and after."""
        with machines.server(host.version).database("legacy") as database:
            first = database.catalog()
            assert migrate(database.settings()).ok
            use_variants(database)
            after = database.catalog()
            database.close()
            yield database, first, after

    @pytest.fixture
    def database(self, machines: Machines, host: DockerHost) -> Iterator[Database]:
        """The database that is rolled back, made anew for each turn."""
        database = Database(machines.server(host.version), "stage")
        yield database
        database.close()
        database.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "stage")

    @pytest.mark.parametrize("victim", KILLS)
    def test_all_or_nothing_and_the_next_run_ends_it(
        self,
        site: Site,
        host: DockerHost,
        used: tuple[Database, Catalog, Catalog],
        database: Database,
        victim: str,
        record_property: Callable[[str, object], None],
    ) -> None:
        template, first, after = used
        target = site.docker(host, pg_on_conflict="quarantine")
        whole_s, transaction_s, kept = self.undisturbed(site, target, template, database)
        found: Counter[str] = Counter()
        for turn in range(KILLS[victim]):
            moment = random.Random(f"{victim} {turn}").random()
            self.start_again(template, database)
            known = database.rows(KNOWN)
            with Writers(database, count=2, reconnect=True, pause_s=0.005) as writers:
                begun = site.start("-y", target, ROLLBACK)
                if victim == "pyinfra":
                    time.sleep(moment * whole_s)
                else:
                    self.wait_for_rollback(database, begun)
                    time.sleep(moment * 1.5 * transaction_s)
                database.close()
                self.kill(victim, host, begun)
                begun.communicate(timeout=60)
                wait_for(partial(self.is_quiet, database, host), what="the end of the killed session", seconds=60)
            assert [error for error in writers.errors if "terminat" not in error and "recovery" not in error] == []
            state = "all" if database.catalog() == first else "nothing"
            found[state] += 1
            if state == "nothing":
                assert database.catalog() == after
                assert database.rows(KNOWN) == known
                assert database.value("SELECT count(*) FROM pgmigrate.migrations") == 6
                assert database.rows("SELECT 1 FROM pgmigrate.quarantines") == []
            # Its lease ends after ten seconds, which need not be waited for fifty times.
            database.run("UPDATE pgmigrate.runs SET seen_at = seen_at - interval '1 min'")
            second = site.run("-y", target, ROLLBACK)
            assert second.status == 0, second.output
            assert second.changed == ([] if state == "all" else ["Rollback"])
            assert database.catalog() == first
            assert database.value("SELECT count(*) FROM pgmigrate.migrations") == 0
            assert database.rows(KEPT) == kept
        record_property("figures", f"kill -9 of {victim}: {dict(found)}")
        # A controller that dies early has begun nothing; psql on the host goes on without it otherwise.
        assert found["nothing"] > 0

    def start_again(self, template: Database, database: Database) -> None:
        """Makes the database anew."""
        database.close()
        database.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "stage")
        database.server.administer("CREATE DATABASE {} TEMPLATE {}", "stage", template.name)

    def undisturbed(
        self, site: Site, target: str, template: Database, database: Database
    ) -> tuple[float, float, list[tuple[object, ...]]]:
        """Returns the seconds of a whole run and of its transaction, and what is kept when nobody kills it."""
        self.start_again(template, database)
        with Writers(database, count=2, pause_s=0.005):
            started = time.monotonic()
            ended = site.run("-y", target, ROLLBACK)
            whole_s = time.monotonic() - started
        assert ended.status == 0, ended.output
        took_ms = database.value("SELECT max(duration_ms) FROM pgmigrate.events WHERE event = 'reverted'")
        return whole_s, took_ms / 1000, database.rows(KEPT)

    def wait_for_rollback(self, database: Database, begun: subprocess.Popen[str]) -> None:
        """Waits until the transaction is at work, or until it is too late."""
        wait_for(
            lambda: (
                begun.poll() is not None
                or database.rows(
                    "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pgmigrate % rollback_variants'"
                )
            ),
            what="the rollback",
            seconds=60,
            every=0.002,
        )

    def kill(self, victim: str, host: DockerHost, begun: subprocess.Popen[str]) -> None:
        if victim == "pyinfra":
            os.killpg(begun.pid, signal.SIGKILL)
        else:
            name = "psql" if victim == "psql" else "postgres"
            host.run("sh", "-c", f"pkill -9 -x {name} || true")

    def is_quiet(self, database: Database, host: DockerHost) -> bool:
        """Whether the server answers, and nothing of the killed run goes on, neither there nor on the host.

        A command that was just handed over may need a moment to begin: three looks.
        """
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
