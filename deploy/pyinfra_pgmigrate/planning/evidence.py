"""What the decision about a migration stands on: registry, catalog, answers, and what runs before it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..catalog.lines import INVALID, key_of
from ..errors import Refusal
from ..importing.ledgers import Imported, stated_by
from ..migrations.files import Migration
from ..registry.model import AppliedMigration, Interrupted, Observed, Verified
from ..settings import Settings
from ..sqltext.parser import Statement
from . import refusals
from .decision import Action, Decision
from .predict import Outlook, all_of, lines_of, may_run_twice, predicted, unclear_of, whole_patch
from .state import PROGRAMS, Judgement, State, in_order
from .timeline import Standing, Timeline, standing

# Kinds of objects that a verify query may ask for.
_QUERIED = ("table ", "column ", "view ", "materialized_view ", "function ", "type ", "sequence ")


def imported_of(migrations: Sequence[Migration]) -> list[Imported]:
    """Returns those of some migrations that were imported from another tool."""
    found = [(one, one.header.origin) for one in migrations]
    return [Imported(one.version, one.name, *origin) for one, origin in found if origin is not None]


def began_places(timeline: Timeline, observed: Observed) -> frozenset[tuple[int, int]]:
    """Returns place and number of the statements that a run of ours began in a migration that is not registered."""
    found = ((one, observed.interrupted.get(one.version)) for one in timeline.order)
    return frozenset(
        (timeline.places[one.version], number)
        for one, begun in found
        if begun is not None and begun.checksum == one.checksum
        for number in begun.begun | begun.done
    )


@dataclass
class Evidence:
    """What is known of one database, and ``outlook``: what it will be at this point of the plan.

    + runs: something was decided that runs statements
    """

    migrations: Sequence[Migration]
    observed: Observed
    settings: Settings
    verified: Mapping[int, Verified]
    found_refusals: list[Refusal] = field(default_factory=list)
    runs: bool = False

    def __post_init__(self) -> None:
        registered = self.observed.applied
        self.newest = max(registered, default=0)
        self.outlook = Outlook(self.observed.catalog)
        self.timeline = Timeline(in_order(self.migrations, registered))
        self.registered = sum(one.version in registered for one in self.migrations)
        self.ledger = stated_by(self.observed.ledgers, imported_of(self.migrations))
        self.found = self._standing()

    def _standing(self) -> Standing:
        lines = self.observed.catalog.lines
        began = began_places(self.timeline, self.observed)
        if self.stated is None:
            return standing(self.timeline, lines, first=self.registered, began=began)
        stated = [self.timeline.places[one.version] for one in self.migrations if self._is_stated(one)]
        only = max([self.registered, *stated])
        return standing(self.timeline, lines, first=self.registered, only=only, began=began)

    @property
    def stated(self) -> int | None:
        """The version up to which all ran by other means: by the word of the operator, or of another tool."""
        if self.settings.applied is not None or self.ledger is None:
            return self.settings.applied
        return self.ledger.version

    def _is_stated(self, migration: Migration) -> bool:
        return self.stated is not None and migration.version <= self.stated

    def refuse(self, refusal: Refusal) -> None:
        """Adds a reason why nothing runs."""
        self.found_refusals.append(refusal)

    def _made(
        self,
        migration: Migration,
        action: Action,
        judgement: Judgement,
        *,
        row: AppliedMigration | None = None,
        statements: tuple[int, ...] = (),
        reason: str = "",
    ) -> Decision:
        lines = lines_of(migration)
        return Decision(
            migration=migration,
            action=action,
            judgement=judgement,
            row=row,
            statements=statements,
            patch=predicted(migration, statements, self.outlook.lines),
            present=lines & self.outlook.lines,
            absent=lines - self.outlook.lines,
            reason=reason,
        )

    def _may_have_run(self, migration: Migration, place: int, judgement: Judgement) -> bool:
        """Tells whether a migration may have run although the catalog does not show it.

        So where nothing is registered here, other means ran what is before or after it, and what it does leaves no
        trace. Where something is, or a run of ours began, we would have registered this one too.
        """
        if self.registered or self.observed.interrupted or self.stated is not None or may_run_twice(migration):
            return False
        traceless = judgement.state is State.UNKNOWN
        unclear = unclear_of(migration, all_of(migration) if traceless else judgement.unseen)
        if self.found.place and place <= max(self.found.alike, default=0):
            return bool(unclear) or not traceless
        return bool(unclear) and place < self.found.evidence

    def _found_nothing(self, migration: Migration) -> list[int]:
        """Returns the statements that are programs and of which all is gone that they take away.

        It may never have been here, and a program may look for more than its lines say.
        """
        before = self.timeline.places[migration.version] - 1
        found = []
        for statement in migration.statements:
            patch = migration.effect_of(statement).patch
            if statement.node in PROGRAMS and patch.minus and not patch.plus:
                never = (
                    line not in self.outlook.lines and self.timeline.is_from_before(line, before)
                    for line in patch.minus
                )
                found += [statement.number] if all(never) else []
        return found

    def _is_built(self, migration: Migration, begun: Interrupted, statement: Statement) -> bool:
        """Tells whether a statement outside a transaction, which began and was not registered, came to its end.

        By its own lines, also those that later statements of the migration take away again.
        """
        patch = migration.effect_of(statement).patch
        lines = self.outlook.lines
        shows = bool(patch.plus or patch.minus)
        # DROP INDEX CONCURRENTLY that was cut off leaves the index INVALID.
        gone = not any(line in lines or line + INVALID in lines for line in patch.minus)
        return statement.number in begun.begun and shows and patch.plus <= lines and gone

    def _leads_there(self, migration: Migration, numbers: Collection[int]) -> bool:
        """Tells whether statements, run on what is there, end where the whole migration does."""
        place = self.timeline.places[migration.version]
        until = max(place, self.found.place)
        lines = self.outlook.lines
        end = {line for line in self.timeline.lines(place) if line in lines}
        for statement in migration.chosen(numbers):
            patch = migration.effect_of(statement).patch
            end -= patch.minus
            end |= patch.plus
        return all(
            self.timeline.at(line, until) is (line in end)
            or (line in self.found.differing and line not in self.found.wrong and (line in end) is (line in lines))
            for line in self.timeline.lines(place)
            if line not in self.timeline.loose
        )

    def _before(self, migration: Migration) -> int:
        """Returns the version before a migration; 0 for the first."""
        return max((one.version for one in self.migrations if one.version < migration.version), default=0)

    def _answer(self, migration: Migration) -> Verified | None:
        """Returns what the verify query found, as far as that says something at this point of the plan."""
        if migration.verify is None or migration.version not in self.verified:
            return None
        verified = self.verified[migration.version]
        if verified.count is None and not verified.lacks_objects:
            # Not known is not the same as no problem.
            self.refuse(refusals.not_verified(migration, verified))
            return None
        return verified

    def _has_later_removal(self, migration: Migration) -> bool:
        removed = {
            key_of(line)
            for later in self.migrations
            if later.version > migration.version and later.version in self.observed.applied
            for line in whole_patch(later).minus
        }
        return any(key.startswith(_QUERIED) and not self.outlook.of_key(key) for key in removed)
