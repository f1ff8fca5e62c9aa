"""What the structure of a database cannot do: asked, not changed."""

from __future__ import annotations

from ..psql.answer import Answer
from ..psql.question import Question
from ..psql.script import Run, items, joined, session_of, settings_of
from ..resources import read_sql
from .checks import Added

# Name of the check, object, found, expected.
Warned = tuple[str, str, str, str]


def warnings(added: Added, run: Run, schema: str) -> Question[list[Warned] | None]:
    """Asks what the structure cannot do, in a read-only transaction; None where nobody could look."""
    values = {
        "added_tables": items(added.tables),
        "added_columns": items(added.columns),
        "built": items(added.built),
    }
    script = joined([*session_of(run, schema, "validate"), settings_of(values), read_sql("validation/warnings")])
    return Question("what the structure cannot do", script, _warned)


def _warned(answer: Answer) -> list[Warned] | None:
    found = answer.value("warnings")
    return None if found is None else [(name, place, what, wanted) for name, place, what, wanted in found]
