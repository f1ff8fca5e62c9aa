"""Differences as values: counted, and judged."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.drift.entries import Change, Drift, Drifts

MISSING, CHANGED, EXTRA = (Drift(kind, f"table {kind.value}", "", "") for kind in Change)


def test_they_are_counted_by_kind_the_worst_first() -> None:
    assert Drifts((EXTRA, CHANGED, MISSING, EXTRA)).counts == "1 missing, 1 changed, 2 extra"
    assert Drifts((EXTRA,)).counts == "1 extra"
    assert Drifts().counts == ""


def test_those_of_one_kind_keep_their_order() -> None:
    other = Drift(Change.EXTRA, "table other", "", "")

    assert Drifts((EXTRA, MISSING, other)).of(Change.EXTRA) == (EXTRA, other)


@pytest.mark.parametrize(
    ("entries", "fails", "fails_strictly"),
    [((), False, False), ((EXTRA,), False, True), ((EXTRA, CHANGED), True, True), ((MISSING,), True, True)],
)
def test_what_is_extra_fails_where_one_is_strict(entries: tuple[Drift, ...], fails: bool, fails_strictly: bool) -> None:
    found = Drifts(entries)

    assert found.fails(strict=False) is fails
    assert found.fails(strict=True) is fails_strictly
