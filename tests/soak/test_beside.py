"""Twenty runs of migrate.py at once, each with its backup and rehearsal."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.cli import Site
from tests.support.migrations import NAMES
from tests.support.servers import Database

pytestmark = pytest.mark.acceptance

RUNS = int(os.environ.get("RUNS", "20"))


def test_each_ends_well_and_each_migration_runs_once(
    site: Site, legacy: Database, record_property: Callable[[str, object], None]
) -> None:
    backups = site.folder / "backups"
    target = site.write_inventory(
        "here", {"@local": legacy.settings(pg_skip_backup=False, pg_backup_dir=str(backups), pg_measure="changes")}
    )
    started = time.monotonic()
    alone = site.run("-y", target, "deploy/status.py")
    status_s = time.monotonic() - started
    assert alone.status == 0, alone.output

    started = time.monotonic()
    begun = [site.start("-y", target, "deploy/migrate.py") for _ in range(RUNS)]
    ended = [(one.communicate(timeout=1500)[0], one.returncode) for one in begun]
    took_s = time.monotonic() - started

    failed = [output[-1500:] for output, status in ended if status != 0]
    assert not failed, "\n\n".join(failed)
    assert legacy.rows("SELECT name FROM pgmigrate.migrations ORDER BY version") == [(name,) for name in NAMES]
    events = Counter(legacy.rows("SELECT name FROM pgmigrate.events WHERE event = 'applied'"))
    assert events == Counter({(name,): 1 for name in NAMES})
    assert legacy.rows("SELECT datname FROM pg_database WHERE datname ~ '^pgmigrate_'") == []
    record_property("figures", f"{RUNS} runs at once in {took_s:.0f} s; status.py alone {status_s:.1f} s")
