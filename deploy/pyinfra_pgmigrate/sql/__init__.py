"""The SQL that the library runs, by file name.

Files are written for psql (values arrive as psql variables) unless their first line says otherwise.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read(name: str) -> str:
    """Returns the text of ``name``.sql of this folder.

    Raises FileNotFoundError where there is none.
    """
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
