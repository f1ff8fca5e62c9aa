"""kill -9 at chosen moments of a rollback: all of it or nothing, and the next run ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.docker.hosts import DockerHost
from tests.support.cli import Site
from tests.support.kills import KNOWN, ROLLBACK, Used, kill, wait_until_quiet
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance

# What the rollback stops at, as long as a session of the test has locked it. "lock": at the first table that it
# needs, before anything is changed. The others are rows that it writes into the registry: the first of what it puts
# aside, and the last of all before COMMIT.
BARRIERS = {
    "lock": "",
    "putting aside": "INSERT ON pgmigrate.quarantines FOR EACH ROW",
    # That a run failed is an event too.
    "commit": "INSERT ON pgmigrate.events FOR EACH ROW WHEN (NEW.event = 'reverted')",
}
STOP = """
CREATE FUNCTION pgmigrate.stop() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
$$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
CREATE TRIGGER stop BEFORE {when} EXECUTE FUNCTION pgmigrate.stop()
"""
WAITING = """
SELECT 1 FROM pg_stat_activity
WHERE application_name LIKE 'pgmigrate %% rollback_variants' AND (%s = '' OR wait_event = 'advisory')
"""


@contextmanager
def stopped_at(barrier: str, database: Database) -> Iterator[None]:
    """Lets the rollback come as far as the barrier."""
    when = BARRIERS[barrier]
    if when:
        database.run(STOP.format(when=when))
    holder = psycopg.connect(**{**database.server.conninfo, "dbname": database.name})
    holder.execute("SELECT pg_advisory_xact_lock(1)" if when else "SELECT 1 FROM project_roles LIMIT 1")
    try:
        yield
    finally:
        # Where the server was killed, so was this session.
        holder.close()


class TestKilled:
    @pytest.mark.parametrize(
        ("victim", "barrier", "state"),
        [
            ("psql", "lock", "nothing"),
            ("psql", "putting aside", "nothing"),
            ("psql", "commit", "nothing"),
            ("server", "commit", "nothing"),
            # psql goes on without it.
            ("pyinfra", "lock", "all"),
            ("pyinfra", "commit", "all"),
        ],
    )
    def test_all_or_nothing_and_the_next_run_ends_it(
        self, site: Site, host: DockerHost, used: Used, stage: Database, victim: str, barrier: str, state: str
    ) -> None:
        target = site.docker(host, pg_on_conflict="quarantine", pg_bin_dir=host.bin_dir)
        used.start_again(stage)
        known = stage.rows(KNOWN)
        with stopped_at(barrier, stage):
            begun = site.start("-y", target, ROLLBACK)
            wait_for(lambda: stage.rows(WAITING, BARRIERS[barrier]), what=f"the rollback at {barrier}", seconds=60)
            stage.close()
            kill(victim, host, begun)
            output, _ = begun.communicate(timeout=60)
            assert begun.returncode != 0, output
        wait_until_quiet(stage, host)

        assert used.ended(stage, known) == state
        used.end(site, target, stage, state)
        assert stage.value("SELECT count(*) FROM pgmigrate.events WHERE event = 'reverted'") == 6
        assert stage.value("SELECT sum(row_count) FROM pgmigrate.quarantines WHERE restored_at IS NULL") > 0
