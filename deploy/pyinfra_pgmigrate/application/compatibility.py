"""What the application as it is does: statements that must go on working. Pure: no I/O but the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..migrations.header import read_header, wrong_header
from ..migrations.script import read_statements
from ..psql.question import Question
from ..psql.script import Run, items, joined, session_of, setting, settings_of
from ..resources import read_sql
from ..sqltext.parser import is_query
from .requirements import KEY, Requirement, read_requirements

HEADER_KEYS = ("purpose", "role", "until", "session", KEY)


@dataclass(frozen=True)
class Use:
    """A file of the folder ``compatibility``: something that the application does.

    + role: who does it; empty: the role of the connection
    + until: version of the migration that it works until; None: for ever
    + statements: run one after the other in one transaction, which is undone
    + is_held: one query that a session prepares before the migrations of a rehearsal and executes after each
    + requires: what it needs of a database
    """

    name: str
    purpose: str
    role: str
    until: int | None
    statements: tuple[str, ...]
    is_held: bool = False
    requires: tuple[Requirement, ...] = ()

    @property
    def path(self) -> str:
        """Where it is in the SQL folder."""
        return f"compatibility/{self.name}.sql"


def load_uses(folder: Path) -> tuple[Use, ...]:
    """Returns what the files ``compatibility/*.sql`` of an SQL folder do, by name.

    Raises PgMigrateError (file) for the first that breaks a rule, naming it.
    """
    return tuple(_read(path) for path in sorted((folder / "compatibility").glob("*.sql")))


def _read(path: Path) -> Use:
    text, values = read_header(path, HEADER_KEYS)
    until = values.get("until")
    if until is not None and not until.isdigit():
        raise wrong_header(path.name, None, f'Found until "{until}"; expected a number, as in "-- until: 006".')
    statements = read_statements(text, path.name)
    if not statements or not all(statement.in_transaction for statement in statements):
        raise PgMigrateError(
            Kind.FILE,
            f"cannot use {path.name}: it is tried in a transaction that is undone",
            detail="Found no statement, or one that cannot run in a transaction; expected what the application does.",
            hint="Correct the file.",
        )
    session = values.get("session", "held")
    if session != "held" or ("session" in values and not (len(statements) == 1 and is_query(text))):
        found = f'session "{session}"' if session != "held" else "something else than one SELECT"
        raise wrong_header(path.name, None, f'Found {found}; expected "-- session: held" above one SELECT.')
    return Use(
        path.stem,
        values["purpose"],
        values.get("role", ""),
        None if until is None else int(until),
        tuple(statement.text for statement in statements),
        "session" in values,
        read_requirements(text, values.get(KEY), source=path.name),
    )


def try_uses(uses: Sequence[Use], run: Run, schema: str, *, moment: int | None = None) -> Question[dict[str, str]]:
    """Asks why something that the application does is not possible, by name; empty where it is.

    Each is tried in a transaction that is undone. Locks: what the statements take, waiting two seconds at most.
    + moment: of a rehearsal with a session that is held open, which is told of it; None: there is none
    """
    parts = session_of(run, schema, "compatibility")
    for use in uses:
        values = {"name": use.name, "role": use.role, "statements": items(use.statements)}
        parts += [settings_of(values), read_sql("application/try_use")]
    if moment is not None:
        parts += [setting("moment", moment), read_sql("rehearsal/held_moment")]
    return Question("compatibility", joined(parts), lambda answer: dict(answer.values("use")))
