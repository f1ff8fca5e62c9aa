"""Whichever way a database comes to a state: generated histories, and what they found, end where psql alone ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from pyinfra_pgmigrate.sqltext.parser import split

from tests.conftest import NEWEST, Machines

from .check import CHECKS, Checker, checker
from .histories import prepare_server, read_history
from .trial import Figures, Trial

EXAMPLES = sorted(one for one in (Path(__file__).parent / "examples").iterdir() if one.is_dir())

# Parts run side by side; "make soak" has a thousand.
PARTS, HISTORIES_IN_A_PART = 3, 5


@pytest.fixture(scope="module")
def checks(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """Checks on the newest server."""
    server = machines.server(NEWEST)
    with server.connect("postgres") as session:
        prepare_server(session)
    with checker(server, tmp_path_factory.mktemp("histories")) as found:
        yield found


@pytest.mark.parametrize("places", ["one", pytest.param("every", marks=pytest.mark.soak)])
@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda one: one.name)
def test_example_ends_where_psql_ends(checks: Checker, folder: Path, places: str) -> None:
    history = read_history(folder, lambda text: [one.text for one in split(text)])

    failures = checks.check(history, Random(folder.name) if places == "one" else None)

    assert not failures, "\n\n".join(f"{one.kind}\n{one.detail}" for one in failures)


@pytest.mark.parametrize("part", range(PARTS))
def test_generated_history_ends_where_psql_ends(
    checks: Checker, part: int, record_property: Callable[[str, Any], None]
) -> None:
    trial = Trial(checks, Figures())

    @settings(
        max_examples=HISTORIES_IN_A_PART,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def try_one(number: int) -> None:
        random = Random(f"{part}:{number}")
        # All of them on every history is for the soak.
        chosen = (CHECKS[0], *random.sample(CHECKS[1:], 2))
        if not trial.try_one(f"{part}-{number}", random, chosen):
            reject()

    try_one()

    trial.note(record_property)
    assert not trial.failures, trial.told
