"""The decision about one migration, by the decision table of ``plan``. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..catalog.lines import key_of
from ..errors import Refusal
from ..migrations.files import Migration
from ..registry.model import AppliedMigration, Interrupted, Observed, Verified
from ..settings import Settings
from ..sqltext.parser import Statement
from . import refusals
from .decision import Action, Decision
from .predict import (
    Outlook,
    again_of,
    all_of,
    count_of,
    lines_of,
    may_run_twice,
    predicted,
    removed_rules,
    settings_set_by,
    to_run,
    unclear_of,
    upsert_on,
    whole_patch,
)
from .state import PROGRAMS, Judgement, State, StatementState, in_order, judge
from .timeline import Standing, Timeline, standing

# Kinds of objects that a verify query may ask for.
_QUERIED = ("table ", "column ", "view ", "materialized_view ", "function ", "type ", "sequence ")


@dataclass
class Decider:
    """Decides on one migration after the other; ``outlook`` is what the database will be at that point.

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
        self.found = self._standing()

    def _standing(self) -> Standing:
        lines = self.observed.catalog.lines
        if self.stated is None:
            return standing(self.timeline, lines, first=self.registered)
        stated = [self.timeline.places[one.version] for one in self.migrations if self._is_stated(one)]
        return standing(self.timeline, lines, first=self.registered, only=max([self.registered, *stated]))

    @property
    def stated(self) -> int | None:
        """The version up to which all ran by other means, by the operator's word."""
        return self.settings.applied

    def _is_stated(self, migration: Migration) -> bool:
        return self.stated is not None and migration.version <= self.stated

    def refuse(self, refusal: Refusal) -> None:
        """Adds a reason why nothing runs."""
        self.found_refusals.append(refusal)

    def decide(self, migration: Migration, row: AppliedMigration | None) -> Decision:
        """Returns what is done about a migration, as the database will be at its turn.

        + row: of the registry; None where it has none
        """
        if row is not None and row.checksum != migration.checksum:
            self.refuse(refusals.file_changed(migration, row))
            return Decision(migration, Action.NONE, Judgement(State.UNKNOWN, {}), row)
        if migration.stale is not None:
            self.refuse(migration.stale)
            return Decision(migration, Action.NONE, Judgement(State.UNKNOWN, {}), row)
        place = self.timeline.places[migration.version]
        judgement = judge(self.timeline, place, self.found, self.outlook.lines, self.outlook.by_key)
        if row is not None:
            return self._decide_applied(migration, row, judgement)
        if migration.version < self.newest and migration.header.phase != "contract" and not self.settings.out_of_order:
            self.refuse(refusals.older_is_pending(migration, self.newest))
        return self._held_back(self._decide_absent(migration, place, judgement))

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

    def _decide_applied(self, migration: Migration, row: AppliedMigration, judgement: Judgement) -> Decision:
        verified = self._answer(migration)
        if verified is not None and verified.lacks_objects and self._has_later_removal(migration):
            verified = None  # a later migration took away what the query asks for
        in_place = judgement.state in (State.APPLIED, State.UNKNOWN)
        if in_place and (verified is None or verified.holds):
            return self._made(migration, Action.NONE, judgement, row=row)
        if in_place and self.runs:
            # What runs before it may mend this: it is asked again when its turn comes.
            return self._made(migration, Action.CONVERGE, judgement, row=row, reason="to be verified again")
        if in_place and migration.header.converges:
            numbers = judgement.unseen
            reason = f"the verify query finds {count_of(verified)} problem(s)"
            return self._made(migration, Action.CONVERGE, judgement, row=row, statements=numbers, reason=reason)
        if in_place and not migration.statements and verified is not None:
            self.refuse(refusals.not_verified(migration, verified))
        elif not self.settings.repair:
            self.refuse(refusals.drifted(migration, judgement, verified))
        elif judgement.state is State.CONFLICT:
            self.refuse(refusals.not_repairable(migration, judgement))
        # Statements without lines ran when it was applied; only a verify query can say that they must again.
        problems = migration.verify is not None and (verified is None or not verified.holds)
        numbers = to_run(migration, judgement, problems=problems)
        if self.settings.repair and not numbers and verified is not None:
            self.refuse(refusals.not_verified(migration, verified))
        elif (
            self.settings.repair and judgement.state is not State.CONFLICT and not self._leads_there(migration, numbers)
        ):
            self.refuse(refusals.not_repairable(migration, judgement))
        return self._made(
            migration,
            Action.REPAIR,
            judgement,
            row=row,
            statements=numbers,
            reason="drifted since it was applied",
        )

    def _decide_absent(self, migration: Migration, place: int, judgement: Judgement) -> Decision:
        if not migration.statements:
            return self._made(migration, Action.APPLY, judgement)
        begun = self.observed.interrupted.get(migration.version)
        if begun is not None and begun.checksum == migration.checksum and not migration.header.converges:
            return self._decide_interrupted(migration, judgement, begun)
        if place <= self.found.place:
            certain = self._is_stated(migration) or place < self.found.proof
            return self._decide_in_place(migration, judgement, certain=certain)
        match judgement.state:
            case State.CONFLICT:
                return self._refused(refusals.conflict(migration, judgement), migration, judgement)
            case State.APPLIED:
                return self._decide_in_place(migration, judgement, certain=False)
            case State.PARTIAL:
                return self._decide_partial(migration, judgement)
        return self._decide_pending(migration, place, judgement)

    def _refused(self, refusal: Refusal, migration: Migration, judgement: Judgement) -> Decision:
        self.refuse(refusal)
        decision = self._made(migration, Action.NONE, judgement)
        # Later migrations are judged as if this one had run: what they lack for want of it is no news.
        self.outlook.patch(whole_patch(migration))
        return decision

    def _decide_pending(self, migration: Migration, place: int, judgement: Judgement) -> Decision:
        """Decides on a migration of which nothing is there, as far as the catalog tells."""
        verified = self._answer(migration)
        numbers = all_of(migration)
        seen = judgement.state is not State.UNKNOWN
        # What runs before it may make problems for it; but where later ones are there, it has run before that.
        counts = not self.runs or place < self.found.evidence
        if not seen and verified is not None and verified.holds and counts:
            return self._made(migration, Action.ADOPT, judgement, reason="its verify query finds no problem")
        if self._may_have_run(migration, place, judgement) and migration.verify is None:
            unclear = unclear_of(migration, judgement.unseen) if seen else ()
            refusal = refusals.ambiguous(migration, unclear, self._before(migration))
            return self._refused(refusal, migration, judgement)
        return self._made(migration, Action.APPLY, judgement, statements=numbers)

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

    def _decide_in_place(self, migration: Migration, judgement: Judgement, *, certain: bool) -> Decision:
        """Decides on a migration all of whose lines are there.

        + certain: later ones ran after it, or the operator says so
        """
        verified = self._answer(migration)
        unseen = tuple(sorted({*judgement.unseen, *self._found_nothing(migration)}))
        if judgement.state not in (State.APPLIED, State.UNKNOWN):
            # What it made was there, and is not any more: later ones show that it ran.
            return self._decide_partial(migration, judgement)
        if verified is not None and not verified.holds:
            reason = f"the verify query finds {count_of(verified)} problem(s)"
            numbers = all_of(migration) if judgement.state is State.UNKNOWN else unseen
            if judgement.state is not State.UNKNOWN and not may_run_twice(migration):
                numbers = ()
            if not numbers:
                self.refuse(refusals.not_verified(migration, verified))
            return self._made(migration, Action.APPLY, judgement, statements=numbers, reason=reason)
        unclear = unclear_of(migration, unseen)
        again = again_of(migration, unseen)
        if migration.verify is not None or certain or not (unclear or again):
            return self._made(migration, Action.ADOPT, judgement, reason="found in place")
        if not unclear or may_run_twice(migration):
            reason = "found in place, but for statements that leave no trace and may run twice"
            numbers = tuple(sorted({*unclear, *again, *settings_set_by(migration)}))
            return self._made(migration, Action.RESUME, judgement, statements=numbers, reason=reason)
        return self._refused(refusals.ambiguous(migration, unclear, self._before(migration)), migration, judgement)

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

    def _decide_interrupted(self, migration: Migration, judgement: Judgement, begun: Interrupted) -> Decision:
        """Decides on a migration that a run of ours began and did not finish: it goes on exactly there."""
        built = {statement.number for statement in migration.statements if self._is_built(migration, begun, statement)}
        done = begun.done | built
        numbers = tuple(number for number in all_of(migration) if number not in done)
        there = ", ".join(map(str, sorted(done))) or "none"
        if not self._leads_there(migration, numbers):
            refusal = refusals.interrupted(migration, judgement, there)
            return self._refused(refusal, migration, judgement)
        reason = f"an earlier run stopped in it, statements done: {there}"
        return self._made(migration, Action.RESUME, judgement, statements=numbers, reason=reason)

    def _is_built(self, migration: Migration, begun: Interrupted, statement: Statement) -> bool:
        """Tells whether a statement outside a transaction, which began and was not registered, came to its end.

        By its own lines, also those that later statements of the migration take away again.
        """
        patch = migration.effect_of(statement).patch
        lines = self.outlook.lines
        shows = bool(patch.plus or patch.minus)
        return statement.number in begun.begun and shows and patch.plus <= lines and not (patch.minus & lines)

    def _decide_partial(self, migration: Migration, judgement: Judgement) -> Decision:
        """Decides on a migration that is half there by hand: resumed where that cannot be wrong."""
        if judgement.state is State.CONFLICT:
            return self._refused(refusals.conflict(migration, judgement), migration, judgement)
        twice = may_run_twice(migration)
        hidden = list(unclear_of(migration, judgement.unseen))
        if migration.header.removes:
            hidden += judgement.numbers(StatementState.VACUOUS)
        chosen = {*judgement.numbers(StatementState.MISSING), *(hidden if twice else ())}
        numbers = tuple(sorted({*chosen, *again_of(migration, judgement.unseen), *settings_set_by(migration)}))
        verified = self._answer(migration)
        unclear = bool(hidden) and not twice
        if unclear and verified is not None and verified.holds:
            unclear = False
        if unclear or not numbers or not self._leads_there(migration, numbers):
            refusal = refusals.half_there(migration, judgement, hidden if unclear else ())
            return self._refused(refusal, migration, judgement)
        there = judgement.numbers(StatementState.DONE)
        reason = f"statement{'s' if len(there) > 1 else ''} {', '.join(map(str, there))} found in place"
        action = Action.RESUME if there else Action.APPLY
        return self._made(migration, action, judgement, statements=numbers, reason=reason if there else "")

    def _leads_there(self, migration: Migration, numbers: Collection[int]) -> bool:
        """Tells whether statements, run on what is there, end where the whole migration does."""
        place = self.timeline.places[migration.version]
        until = max(place, self.found.place)
        lines = self.outlook.lines
        end = {line for line in self.timeline.lines(place) if line in lines}
        for statement in migration.statements:
            if statement.number in numbers:
                patch = migration.effect_of(statement).patch
                end = (end - patch.minus) | patch.plus
        return all(
            self.timeline.at(line, until) is (line in end)
            or (line in self.found.differing and line not in self.found.wrong and (line in end) is (line in lines))
            for line in self.timeline.lines(place)
            if line not in self.timeline.loose
        )

    def _before(self, migration: Migration) -> int:
        """Returns the version before a migration; 0 for the first."""
        return max((one.version for one in self.migrations if one.version < migration.version), default=0)

    def _held_back(self, decision: Decision) -> Decision:
        migration = decision.migration
        if migration.header.phase != "contract" or self.settings.release or not decision.statements:
            return decision
        upsert = upsert_on(removed_rules(decision.patch), self.observed.upserts or ())
        if upsert is None:
            return decision
        words = " ".join(upsert.query.split())[:60]
        reason = f'still in use, {upsert.calls} call(s) of "{words}"'
        return self._made(migration, Action.HOLD, decision.judgement, reason=reason)

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
        return any(key.startswith(_QUERIED) and not self.outlook.by_key.get(key) for key in removed)
