"""The SQL and the shell programs of the library, beside the code that runs them, by package and name.

SQL is written for psql (values arrive as psql variables) unless its first line says otherwise; shell for any POSIX
shell.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# What comes between the head of a shell program and the program itself.
_SHARED = {"backup/restore": ("backup/into",), "backup/copy_structure": ("backup/into",)}


@cache
def read_sql(name: str) -> str:
    """Returns the text of an SQL file, such as ``catalog/fingerprint``.

    Raises FileNotFoundError where there is none.
    """
    return _read(f"{name}.sql")


@cache
def read_shell(name: str) -> str:
    """Returns the text of a shell file, such as ``psql/room``."""
    return _read(f"{name}.sh")


@cache
def shell_program(name: str) -> str:
    """Returns a shell program with the parts that all have at their head, and those that some share."""
    return "".join(map(read_shell, ("backup/head", "psql/room", *_SHARED.get(name, ()), name)))


def _read(path: str) -> str:
    return files(__package__).joinpath(path).read_text(encoding="utf-8")
