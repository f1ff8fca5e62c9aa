"""The scripts that look after a step that did not get its locks or did not end well. Pure."""

from __future__ import annotations

from ..catalog.lines import qualified, unescaped
from ..errors import Kind
from ..psql.script import Run, items, joined, session_of, settings_of
from ..resources import read_sql
from ..sqltext.lock_modes import conflicting_modes
from .steps import Step


def built(step: Step, schema: str) -> str:
    """Returns the indexes that a step builds outside a transaction as JSON, for a variable of psql."""
    return items(qualified(index, schema) for index in step.built_indexes)


def blockers_script(step: Step, run: Run, schema: str) -> str:
    """Returns the script that names the sessions which keep a step waiting."""
    values = {
        "in_the_way": items(
            [qualified(unescaped(lock.relation), schema), conflicting_modes(lock.mode)] for lock in step.locks
        )
    }
    return joined([*session_of(run, schema, "blockers"), settings_of(values), read_sql("execution/blockers")])


def aftermath_script(step: Step, run: Run, schema: str, *, kind: Kind, sqlstate: str, message: str) -> str:
    """Returns the script that looks after a step which did not end well.

    It writes the event and drops the INVALID indexes that the step left.
    """
    migration = step.migration
    values = {
        "built": built(step, schema),
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "statements": items(statement.number for statement in step.statements),
        "sqlstate": sqlstate,
        "message": f"{kind.value}: {message}",
        "tool_version": run.tool_version,
    }
    session = session_of(run, schema, f"aftermath {migration.name}")
    return joined([*session, settings_of(values), read_sql("execution/aftermath"), read_sql("execution/drop_invalid")])
