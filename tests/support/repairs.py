"""SQL for people, as tests compare it: read by PostgreSQL's own grammar, whatever its white space."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra_pgmigrate.catalog.ddl import joined
from pyinfra_pgmigrate.sqltext.parser import split


def statements_in(made: Iterable[str] | None) -> list[str] | None:
    """Returns the statements of a repair, each with single spaces; None where there is none.

    Raises SqlSyntaxError for what the grammar does not take.
    """
    return None if made is None else [" ".join(one.text.split()) for one in split(joined(made))]
