"""Whichever way a database comes to a state: generated histories, and what they found, end where psql alone ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from pyinfra_pgmigrate.sqltext.parser import split

from tests.conftest import NEWEST, Machines
from tests.support.together import renaming, told, wrong

from .check import CHECKS, Checker, Cut, Failure, checker
from .histories import File, History, prepare_server, read_history
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


# What is made of each example alone; the others are made of many at once.
ALONE = ("from nothing", "stopped between steps", "stopped anywhere", "never wrong")


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda one: one.name)
def test_example_ends_where_psql_ends(checks: Checker, folder: Path) -> None:
    failures = checks.check(read(folder), Random(folder.name), ALONE, again=False)

    assert not failures, described(failures)


@pytest.mark.soak
@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda one: one.name)
def test_example_ends_where_psql_ends_wherever_it_is_cut(checks: Checker, folder: Path) -> None:
    failures = checks.check(read(folder))

    assert not failures, described(failures)


@pytest.mark.parametrize("check", ["last pending", "some by psql"])
@pytest.mark.parametrize("is_batch", [True, False], ids=["batch", "one by one"])
def test_examples_end_together_where_psql_ends(checks: Checker, is_batch: bool, check: str) -> None:
    chosen = {}
    for folder in EXAMPLES:
        history = read(folder)
        cut = Cut.chosen(Random(folder.name), len(history.files))
        if cut.is_batch is is_batch:
            (middle,) = cut.middles
            chosen[folder.name] = history, len(history.files) - 1 if check == "last pending" else middle
    history, place = joined(list(chosen.values()))

    cut = Cut(is_batch, [place], pending=len(history.files) - place)
    failures = checks.check(history, Random(0), (check,), cut=cut, again=check == "last pending")

    found = [
        line
        for one in failures
        for lines in [one.detail.partition("--- what the run said")[0].splitlines()]
        for line in (lines if "differs" in one.kind else wrong(lines))
    ]
    assert not failures, f"{told(found, list(chosen))}\n{described(failures)}"


def read(folder: Path) -> History:
    """Returns the history of an example."""
    return read_history(folder, lambda text: [one.text for one in split(text)])


def joined(histories: Sequence[tuple[History, int]]) -> tuple[History, int]:
    """Returns one history of many, each under names of its own, and how many of its migrations come first.

    + histories: each with how many of its migrations come before any other's last ones
    """
    first: list[File] = []
    then: list[File] = []
    for number, (history, place) in enumerate(histories):
        renamed = renaming((one.text for one in history.statements), number)
        for file in history.files:
            statements = tuple(replace(one, text=renamed(one.text)) for one in file.statements)
            verify = None if file.verify is None else renamed(file.verify)
            (first if file.number <= place else then).append(File(0, statements, verify))
    files = tuple(replace(file, number=number) for number, file in enumerate((*first, *then), start=1))
    return History(files), len(first)


def described(failures: Sequence[Failure]) -> str:
    """Returns all of them as a person reads them."""
    return "\n\n".join(f"{one.kind}\n{one.detail}" for one in failures)


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
