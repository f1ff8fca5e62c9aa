"""What the structure of a database cannot do: asked, not changed."""

from __future__ import annotations

from collections.abc import Mapping

from ..psql.answer import Answer
from ..psql.question import Question
from ..psql.script import Run, items, joined, session_of, settings_of
from ..registry.model import Verified
from ..registry.verify import all_verified, asked_each
from ..resources import read_sql
from .checks import Added

# Name of the check, object, found, expected.
Warned = tuple[str, str, str, str]


def warnings(
    added: Added, run: Run, schema: str, queries: Mapping[int, str]
) -> Question[tuple[list[Warned] | None, dict[int, Verified]]]:
    """Asks what the structure cannot do, in a read-only transaction, and then verify queries by version.

    The former is None where nobody could look, the latter are those that were answered.
    """
    values = {
        "added_tables": items(added.tables),
        "added_columns": items(added.columns),
        "built": items(added.built),
    }
    parts = [*session_of(run, schema, "validate"), settings_of(values), read_sql("validation/warnings")]
    return Question("what the structure cannot do", joined([*parts, *asked_each(queries)]), _warned)


def _warned(answer: Answer) -> tuple[list[Warned] | None, dict[int, Verified]]:
    found = answer.value("warnings")
    told = None if found is None else [(name, place, what, wanted) for name, place, what, wanted in found]
    return told, all_verified(answer)
