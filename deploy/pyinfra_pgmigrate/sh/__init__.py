"""The shell programs that the library runs on a host, as package data: any POSIX shell takes them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read(name: str) -> str:
    """Returns the text of ``name.sh`` of this package."""
    return (files(__package__) / f"{name}.sh").read_text(encoding="utf-8")


@cache
def program(name: str) -> str:
    """Returns a program of this package with the parts that all have at their head."""
    return read("head") + read("room") + read(name)
