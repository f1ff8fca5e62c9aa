"""Backups while others write, again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import on_docker
from tests.support.backups import labels, manifest, taken
from tests.support.servers import Database
from tests.support.writers import Writers


@on_docker
def test_what_the_manifest_says_is_true_while_8_clients_write_20_times(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
) -> None:
    """Adds to the two of tests/integration: a race that shows once in many times, and what is kept of many."""
    rows = []
    # With a breath after each turn, or backups wait for the processor most of the time.
    with Writers(legacy, pause_s=0.03) as writers:
        for _ in range(20):
            done = writers.done
            # Verified means: restored, and every count and hash is that of the manifest.
            label = taken(folder, kept())
            found = manifest(folder, label)
            rows.append(found["rows"])
            assert found["verification"]["how"] == "restore"
            assert writers.done > done

    assert rows == sorted(rows)
    assert len(set(rows)) == 20
    assert writers.errors == []
    assert len(labels(folder)) == 5
