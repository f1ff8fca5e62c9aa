"""What a session begins with that changes a database."""

from __future__ import annotations

import re

from pyinfra_pgmigrate.psql.script import Run, joined
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION
from pyinfra_pgmigrate.registry.schema import REGISTRY_FILES, claimed
from pyinfra_pgmigrate.resources import read_sql

from tests.support.psql_scripts import is_balanced, values_of, variables

RUN = Run("12345678-0000-4000-8000-000000000000", "o'neil", "here", "@local", "1.0")


def part(name: str) -> str:
    return read_sql(name).rstrip("\n")


def test_who_runs_is_known_before_the_run_lock_is_taken() -> None:
    script = joined(claimed(RUN))

    assert dict(variables(script[: script.index(part("registry/claim"))])) == {
        "operator": "o'neil",
        "controller": "here",
        "inventory_host": "@local",
        "tool_version": "1.0",
    }


def test_the_registry_is_brought_up_version_by_version_each_only_where_it_is_older() -> None:
    script = joined(claimed(RUN))
    # Each version in one message.
    made = {name: part(name).replace(";\n", "\\;\n") for name in REGISTRY_FILES}
    texts = [part("registry/claim"), *made.values(), part("registry/lease")]
    places = [script.index(text) for text in texts]

    assert len(REGISTRY_FILES) == REGISTRY_VERSION
    assert places == sorted(places)
    assert values_of(script, "needed_version") == [str(one) for one in range(1, REGISTRY_VERSION + 1)]
    for name in REGISTRY_FILES:
        before, after = script.split(made[name])
        assert not re.search(r"(?<!\\);\n", made[name])
        assert before.endswith("\\if :registry_is_older\n")
        assert after.startswith("\n\\endif")
    assert is_balanced(script)


def test_a_damaged_registry_goes_aside_before_another_is_made_and_only_where_that_is_said() -> None:
    script = joined(claimed(RUN, sets_aside=True))

    assert script.index(part("registry/claim")) < script.index(part("registry/set_aside"))
    assert script.index(part("registry/set_aside")) < script.index(part("registry/registry_version"))
    assert part("registry/set_aside") not in joined(claimed(RUN))
