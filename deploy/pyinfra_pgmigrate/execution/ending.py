"""What the session of the last step does after it: gathers statistics, looks at what it leaves behind. Pure.

Both could be sessions of their own; each would cost what a connection and reading the catalog cost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ..catalog.lines import definition_of, escaped, key_of, qualified, unescaped
from ..planning.plan import Plan, to_ask
from ..psql.answer import Answer
from ..psql.script import Run, items, session_name, setting, settings_of
from ..registry.look import look_again, observed_in
from ..registry.model import Observed
from ..resources import read_sql
from ..sqltext.unique_rules import table_of_index


@dataclass(frozen=True)
class Ending:
    """What comes after the last step, in its session.

    + tables: to be analyzed, as lines of the catalog name them
    + queries: verify queries that the next migration waits for, by version; None where nothing comes next
    """

    tables: frozenset[str] = frozenset()
    queries: Mapping[int, str] | None = field(default=None)

    @classmethod
    def of(cls, plan: Plan, versions: Collection[int]) -> Ending:
        """Returns what comes after some versions of a plan: statistics of what they made, a look for what comes next.

        After the last of them it is looked whether the database is as it should be.
        """
        lines = {line for one in plan.changes if one.migration.version in versions for line in one.patch.plus}
        tables = {key_of(line).removeprefix("table ") for line in lines if line.startswith("table ")}
        tables |= {
            escaped(table_of_index(unescaped(definition_of(line)))) for line in lines if line.startswith("index ")
        }
        later = [one.migration.version for one in plan.changes if one.migration.version > max(versions, default=0)]
        return cls(frozenset(tables), to_ask(plan, later[:1]))

    def script(self, run: Run, schema: str, *, lock_timeout_ms: int) -> list[str]:
        """Returns the part of a script that does it."""
        parts: list[str] = []
        if self.tables:
            names = items(sorted(qualified(unescaped(table), schema) for table in self.tables))
            values = {"tables": names, "lock_timeout_ms": lock_timeout_ms}
            name = setting("application_name", session_name(run, "analyze"))
            parts += [name, read_sql("execution/step_name"), settings_of(values), read_sql("execution/analyze")]
        if self.queries is not None:
            name = setting("application_name", session_name(run, "observe"))
            parts += [name, read_sql("execution/step_name"), *look_again(self.queries)]
        return parts

    def has_analyzed(self, answer: Answer) -> bool:
        """Tells whether there are statistics of all tables now."""
        return not self.tables or answer.value("analyzed") is not None

    def seen(self, answer: Answer) -> Observed | None:
        """Returns the database as the session left it; None where it did not look, or not to the end."""
        if self.queries is None:
            return None
        found = observed_in(answer)
        return found if isinstance(found, Observed) else None
