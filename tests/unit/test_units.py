"""Sizes and spans of time as people read them, and names of others as a terminal may show them."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.units import age, size, visible


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 * (1 << 30), "5.0 GiB"),
        (1 << 40, "1.0 TiB"),
        (2048 << 40, "2048.0 TiB"),
    ],
)
def test_a_size_has_the_largest_unit_that_it_fills(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400, "1 d"), (200000, "2 d")],
)  # fmt: skip
def test_a_span_has_the_largest_unit_that_it_fills(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x00", "\x9b", "\u202e", "\u2066", "\ufeff", "\u061c"])
def test_a_name_can_tell_a_terminal_nothing(character: str) -> None:
    assert visible(f"a{character}b") == f"a\\u{ord(character):04x}b"


def test_lines_stay_lines_but_cannot_be_written_over() -> None:
    assert visible("a\n\tb ü") == "a\n\tb ü"
    assert visible("a\rb") == "a\\rb"
