"""A history that fails, made as small as it goes, and kept as files that anybody can run by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

from .check import Checker, Failure, RefusedByPsqlError
from .histories import File, History

FOUND = Path(__file__).parents[2] / ".histories"


def smaller(history: History) -> Iterator[History]:
    """Yields histories that lack one migration or one statement of this one."""
    for place in reversed(range(len(history.files))):
        left = history.files[:place] + history.files[place + 1 :]
        if left:
            yield History(tuple(replace(file, number=number) for number, file in enumerate(left, start=1)))
    for place in reversed(range(len(history.files))):
        file = history.files[place]
        if file.verify is not None:
            yield _with(history, place, replace(file, verify=None))
        for number in reversed(range(len(file.statements))):
            left_over = file.statements[:number] + file.statements[number + 1 :]
            if left_over or file.verify is not None:
                yield _with(history, place, replace(file, statements=left_over))


def _with(history: History, place: int, file: File) -> History:
    return History((*history.files[:place], file, *history.files[place + 1 :]))


def minimal(history: History, fails: Callable[[History], bool], *, budget_s: float) -> History:
    """Returns the smallest history found that still fails.

    + budget_s: seconds after which the smallest so far is returned
    """
    deadline = monotonic() + budget_s
    while True:
        for candidate in smaller(history):
            if monotonic() > deadline:
                return history
            if fails(candidate):
                history = candidate
                break
        else:
            return history


def fails_alike(checker: Checker, failure: Failure) -> Callable[[History], bool]:
    """Returns what tells whether a history fails as this one did."""

    def fails(history: History) -> bool:
        try:
            found = checker.check(history, checks=(failure.check.split(",")[0],))
        except RefusedByPsqlError:
            return False
        return any(one.kind == failure.kind for one in found)

    return fails


def keep(name: str, history: History, failure: Failure) -> Path:
    """Writes a history into a folder, with what failed and how to run it by hand, and returns the folder."""
    folder = history.write(FOUND / name)
    (folder / "failure.txt").write_text(
        f"{failure.kind}\n\nBy hand: createdb one; for each file in order: psql --single-transaction -f FILE one\n"
        f"(without --single-transaction where a statement is CONCURRENTLY); and with the library:\n"
        f"pgmigrate record FOLDER, then migrate.py with pg_sql_dir=FOLDER on an empty database.\n\n"
        f"{history}\n\n{failure.detail}\n",
        encoding="utf-8",
    )
    return folder
