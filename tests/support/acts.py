"""Ways to make a state of a database of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support.harness import Result, migrate, rollback
from tests.support.migrations import MIGRATIONS
from tests.support.registries import make_older
from tests.support.servers import Database
from tests.support.variants import use_variants

# With the settings that the library reaches the database with.
Act = Callable[[Database, Mapping[str, Any]], None]


@dataclass(frozen=True)
class ByHand:
    """SQL; each statement in a transaction of its own, or all of them in one that is undone.

    + fails: the last one ends with an error, as it is meant to
    """

    text: str
    fails: bool = False

    def __call__(self, database: Database, _: Mapping[str, Any]) -> None:
        """Runs it."""
        try:
            for statement in split(self.text):
                database.run(statement.text)
        except psycopg.errors.UniqueViolation:
            if not self.fails:
                raise
            return
        if self.fails:
            raise RuntimeError("a statement that must fail did not")

    @property
    def fits_a_transaction(self) -> bool:
        """Whether all of it may run in one transaction."""
        return not self.fails and all(one.in_transaction for one in split(self.text))


def by_hand(text: str) -> Act:
    """Statements by hand."""
    return ByHand(text)


def statements(version: int, *numbers: int) -> Act:
    """Statements of a migration, by hand; all of them where no number is given."""
    chosen = MIGRATIONS[version - 1].statements
    return ByHand(";\n".join(one.text for one in chosen if not numbers or one.number in numbers))


def migrated(**data: Any) -> Act:
    """A run of migrate.py."""
    return lambda _, settings: _succeeded(migrate({**settings, **data}))


def rolled_back(**data: Any) -> Act:
    """A run of rollback.py."""
    return lambda database, settings: _succeeded(rollback({**settings, "pg_confirm": database.name, **data}))


def _succeeded(result: Result) -> None:
    if not result.ok:
        raise RuntimeError(result.text)


def stopped_at(index: str) -> Act:
    """A run of migrate.py that the server lets go no further than an index."""

    def act(database: Database, settings: Mapping[str, Any]) -> None:
        database.run(
            "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF current_query() ~ '\\y{index}\\y' THEN RAISE 'stopped'; END IF; END $$;"
            " CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION stop()"
        )
        result = migrate(settings)
        if result.ok or "stopped" not in result.text:
            raise RuntimeError(result.text)
        database.run("DROP EVENT TRIGGER stop; DROP FUNCTION stop()")

    return act


def uses_variants(database: Database, _: Mapping[str, Any]) -> None:
    """Puts the variants to use."""
    use_variants(database)


def registry_of(version: int) -> Act:
    """The registry as an earlier version of the library left it."""
    return lambda database, _: make_older(database, version)
