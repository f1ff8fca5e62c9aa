"""What psql answered on named states of a database: captured once, read by the unit tests.

``python -m tests.capture`` makes every state on each of VERSIONS and writes tests/captured:

- ``all/NAME.json``: the state it begins with and what is otherwise than there, the same on all versions
- ``pgNN/NAME.json``: what is otherwise on that version alone

What differs from one run to the next (times, run ids, sizes) is written as a fixed value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.registry.look import observed_in
from pyinfra_pgmigrate.registry.model import Observed, Verified
from pyinfra_pgmigrate.registry.verify import all_verified
from pyinfra_pgmigrate.rollback.obstacles import Obstructions, obstructions_in

from tests.support.changes import changed, difference, encoded
from tests.support.states import STATES

FOLDER = Path(__file__).parents[1] / "captured"
# Of 15 and 17 nothing is captured yet: add them here, then make capture.
VERSIONS = (15, 16, 17, 18)

Document = dict[str, Any]


def _file(version: int | None, name: str) -> Path:
    return FOLDER / ("all" if version is None else f"pg{version}") / f"{name}.json"


def files_of(documents: Mapping[int, Mapping[str, Document]]) -> dict[Path, str]:
    """Returns the files that hold what was captured.

    + documents: by version and name; the newest version is the one that all others are compared with
    """
    found: dict[Path, str] = {}
    newest = documents[max(documents)]
    for name, state in STATES.items():
        common = difference(newest.get(state.on, {}), newest[name])
        found[_file(None, name)] = encoded(common)
        for version, captured in documents.items():
            derived = changed(captured.get(state.on, {}), common)
            if derived != captured[name]:
                found[_file(version, name)] = encoded(difference(derived, captured[name]))
    return found


@cache
def document(version: int, name: str) -> Document:
    """Returns what psql answered on a state."""
    on = STATES[name].on
    found: Document = document(version, on) if on else {}
    found = changed(found, json.loads(_file(None, name).read_text(encoding="utf-8")))
    own = _file(version, name)
    return changed(found, json.loads(own.read_text(encoding="utf-8"))) if own.exists() else found


def _answer(found: Document) -> Answer:
    """Returns the answer that a document was made of."""
    lines: list[tuple[str, Any]] = []
    for word, value in found.items():
        if word == "registry":
            lists = {name: list(value[name].values()) for name in ("migrations", "interrupted")}
            lines.append((word, {**value, **lists}))
        elif word == "verified":
            lines += [(word, one) for one in value.values()]
        elif word not in {"status", "errors", "obstacles"}:
            lines.append((word, value))
    return Answer(found["status"], tuple(lines), found["errors"])


def observed_by(answer: Answer) -> Observed:
    """Returns the database that an answer describes, read by the library; without answers of verify queries."""
    found = observed_in(Answer(answer.status, tuple(one for one in answer.lines if one[0] != "verified")))
    if not isinstance(found, Observed):
        raise TypeError(str(found))
    return found


@cache
def observed(version: int, name: str) -> Observed:
    """Returns the database that psql described on a state."""
    return observed_by(_answer(document(version, name)))


def answer(version: int, name: str) -> Answer:
    """Returns the answer itself."""
    return _answer(document(version, name))


@cache
def verified(version: int, name: str) -> Mapping[int, Verified]:
    """Returns what all verify queries of the shipped migrations said."""
    found = all_verified(_answer(document(version, name)))
    if not isinstance(found, dict):
        raise TypeError(str(found))
    return found


@cache
def obstructions(version: int, name: str) -> Obstructions:
    """Returns what stands in the way of a rollback."""
    found = obstructions_in(_answer(document(version, name)["obstacles"]))
    if not isinstance(found, Obstructions):
        raise TypeError(str(found))
    return found
