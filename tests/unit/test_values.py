"""Values of host data, as inventories and ``--data`` give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.hiddenvalue import HiddenValue
from pyinfra_pgmigrate import values
from pyinfra_pgmigrate.values import PHASES, Secret

ACCEPTED: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (values.text, "a", "a"),
    (values.text, Path("/srv/x"), "/srv/x"),
    (values.text, 2026, "2026"),
    (values.port, 5432, 5432),
    (values.port, "65535", 65535),
    (values.count, 1, 1),
    (values.size, 0, 0),
    (values.seconds, 1, 1.0),
    (values.seconds, 0.5, 0.5),
    (values.from_2_seconds, 2, 2.0),
    (values.factor, 1, 1.0),
    (values.flag, False, False),
    (values.patterns, "table t", ("table t",)),
    (values.patterns, ["table t*", "* x"], ("table t*", "* x")),
    (values.patterns, (), ()),
    (values.version, 12, 12),
    (values.version, "012", 12),
    (values.version, 0, 0),
    (values.phase, "data", "data"),
    (values.one_of("keep", "drop"), "drop", "drop"),
    (values.label, "latest", "latest"),
    (values.label, "my_shop-21e023.20261122T130509Z.006", "my_shop-21e023.20261122T130509Z.006"),
    (values.run, "0123ABCD", "0123abcd"),
    (values.run, 12345678, "12345678"),
    (values.run, "01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"),
]

REFUSED: list[tuple[Callable[[Any], Any], list[Any], str]] = [
    (values.text, ["", None, 1.5, True, []], "a text that is not empty"),
    (values.port, [True, 0, 65536, -1, "x", 54.5, None], "a port number from 1 to 65535"),
    (values.count, [0, -1, True, 1.5, "1", None], "a whole number of at least 1"),
    (values.size, [-1, True, 1.5, "0", None], "a whole number, 0 or more"),
    (values.seconds, [0, -1, True, "1", None], "a number of seconds above 0"),
    (values.from_2_seconds, [1.9, True, "3", None], "a number of seconds from 2 on"),
    (values.factor, [0.9, True, "2", None], "a number of 1 or more"),
    (values.flag, [0, 1, "true", None], "true or false"),
    (values.patterns, [1, None, [1], "*", ["a", ""], ["* *"], {"a": 1}], "a list of patterns of catalog lines, none of them for every line"),
    (values.version, [True, -1, 1.5, "x", None, ""], "the number of a migration, such as 004"),
    (values.phase, ["later", None, 1], f"one of {', '.join(PHASES)}"),
    (values.one_of("keep", "drop"), ["kept", None, 1], "one of keep, drop"),
    (values.label, ["../x", ".hidden", "a b", "a/b", "a;b"], "the label of a backup, or latest"),
    (values.run, ["1234567", "ghijklmn", float("inf"), None, "0" * 37, "12345678;"], "the first 8 characters of a run's id, or all of it"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "value", "expected"), ACCEPTED)
def test_a_value_is_taken(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    found = read(value)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("read", "value", "expected"), [(read, value, expected) for read, many, expected in REFUSED for value in many]
)
def test_any_other_is_refused_with_what_was_expected(read: Callable[[Any], Any], value: Any, expected: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(value)
    assert str(caught.value) == expected


class TestSecret:
    def test_never_prints_itself(self) -> None:
        found = values.secret("hush")

        shown = [str(found), repr(found), f"{found}", str([found]), found.to_json(), json.dumps(found.to_json())]
        assert not [one for one in shown if "hush" in one]
        assert found.reveal() == "hush"

    def test_is_what_it_is(self) -> None:
        found = Secret("x")

        assert values.secret(found) is found

    def test_opens_what_pyinfra_hides(self) -> None:
        assert values.secret(HiddenValue("hush")).reveal() == "hush"

    def test_is_a_text_that_is_not_empty(self) -> None:
        with pytest.raises(ValueError, match="a text that is not empty"):
            values.secret("")
