"""kill -9 at random moments of a rollback under load: all of it or nothing, and the next run ends it."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.docker.hosts import DockerHost
from tests.support.cli import Site
from tests.support.kills import KEPT, KNOWN, ROLLBACK, Used, kill, wait_until_quiet
from tests.support.servers import Database
from tests.support.waiting import wait_for
from tests.support.writers import Writers

pytestmark = pytest.mark.acceptance

KILLS = {"psql": 17, "pyinfra": 17, "server": 16}


class TestKilled:
    @pytest.mark.parametrize("victim", KILLS)
    def test_all_or_nothing_and_the_next_run_ends_it(
        self,
        site: Site,
        host: DockerHost,
        used: Used,
        stage: Database,
        victim: str,
        record_property: Callable[[str, object], None],
    ) -> None:
        """Adds to the moments that tests/acceptance chooses: those that nobody thought of, and clients that write."""
        target = site.docker(host, pg_on_conflict="quarantine")
        whole_s, transaction_s, kept = self.undisturbed(site, target, used, stage)
        found: Counter[str] = Counter()
        for turn in range(KILLS[victim]):
            moment = random.Random(f"{victim} {turn}").random()
            used.start_again(stage)
            known = stage.rows(KNOWN)
            with Writers(stage, count=2, reconnect=True, pause_s=0.005) as writers:
                begun = site.start("-y", target, ROLLBACK)
                if victim == "pyinfra":
                    time.sleep(moment * whole_s)
                else:
                    self.wait_for_rollback(stage, begun)
                    time.sleep(moment * 1.5 * transaction_s)
                stage.close()
                kill(victim, host, begun)
                begun.communicate(timeout=60)
                wait_until_quiet(stage, host)
            assert [error for error in writers.errors if "terminat" not in error and "recovery" not in error] == []
            state = used.ended(stage, known)
            found[state] += 1
            used.end(site, target, stage, state)
            assert stage.rows(KEPT) == kept
        record_property("figures", f"kill -9 of {victim}: {dict(found)}")
        # A controller that dies early has begun nothing; psql on the host goes on without it otherwise.
        assert found["nothing"] > 0

    def undisturbed(
        self, site: Site, target: str, used: Used, database: Database
    ) -> tuple[float, float, list[tuple[object, ...]]]:
        """Returns the seconds of a whole run and of its transaction, and what is kept when nobody kills it."""
        used.start_again(database)
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
