"""The shell programs that the library runs on a host, as package data: any POSIX shell takes them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read(name: str) -> str:
    """Returns the text of ``name.sh`` of this package."""
    return (files(__package__) / f"{name}.sh").read_text(encoding="utf-8")


# What comes between the head and the program itself.
_PARTS = {"restore": ("into",), "copy_structure": ("into",)}


@cache
def program(name: str) -> str:
    """Returns a program of this package with the parts that all have at their head, and those that some share."""
    return "".join(map(read, ("head", "room", *_PARTS.get(name, ()), name)))
