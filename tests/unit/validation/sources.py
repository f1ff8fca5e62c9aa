"""Backups of captured states, as data is compared with them."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.validation.data import Source

from tests.support.captured import observed
from tests.support.migrations import MIGRATIONS
from tests.unit.backup.test_store import manifest

WAS = (20, "then")


def source(state: str, version: int = 18, *, applied: Sequence[int] = (), is_quiet: bool = False) -> Source:
    """Returns the backup of a captured state, with as many rows in each table."""
    catalog = observed(version, state).catalog
    tables = [line.removeprefix("table ") for line in catalog.lines if line.startswith("table ")]
    contents = Contents(
        {"pgmigrate.runs": (1, "x"), **{f"public.{name}": WAS for name in tables}},
        0,
        catalog,
        tuple((one, MIGRATIONS[one - 1].checksum) for one in applied),
    )
    return Source.of(manifest(1), contents, is_quiet=is_quiet)
