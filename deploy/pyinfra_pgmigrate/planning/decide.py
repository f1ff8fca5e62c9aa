"""The decision about one migration, by the decision table of ``plan``. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Refusal
from ..migrations.files import Migration
from ..registry.model import AppliedMigration, Interrupted
from ..units import ranges
from . import refusals
from .decision import Action, Decision
from .evidence import Evidence
from .predict import (
    again_of,
    all_of,
    count_of,
    may_run_twice,
    removed_rules,
    settings_set_by,
    to_run,
    unclear_of,
    upsert_on,
    whole_patch,
)
from .state import Judgement, State, StatementState, judge


@dataclass
class Decider(Evidence):
    """Decides on one migration after the other, by the decision table of ``plan``."""

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
        judgement = judge(self.timeline, place, self.found, self.outlook.lines, self.outlook.of_key)
        if row is not None:
            return self._decide_applied(migration, row, judgement)
        if migration.version < self.newest and migration.header.phase != "contract" and not self.settings.out_of_order:
            self.refuse(refusals.older_is_pending(migration, self.newest))
        return self._held_back(self._decide_absent(migration, place, judgement))

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
        certain = self._is_stated(migration) or place < self.found.proof
        if judgement.others and not certain:
            return self._refused(refusals.other_there(migration, judgement.others), migration, judgement)
        if place <= self.found.place:
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

    def _decide_interrupted(self, migration: Migration, judgement: Judgement, begun: Interrupted) -> Decision:
        """Decides on a migration that a run of ours began and did not finish: it goes on exactly there."""
        built = {statement.number for statement in migration.statements if self._is_built(migration, begun, statement)}
        done = begun.done | built
        numbers = tuple(number for number in all_of(migration) if number not in done)
        there = ranges(done) or "none"
        if not self._leads_there(migration, numbers):
            refusal = refusals.interrupted(migration, judgement, there)
            return self._refused(refusal, migration, judgement)
        reason = f"an earlier run stopped in it, statements done: {there}"
        return self._made(migration, Action.RESUME, judgement, statements=numbers, reason=reason)

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
        reason = f"statement{'s' if len(there) > 1 else ''} {ranges(there)} found in place"
        action = Action.RESUME if there else Action.APPLY
        return self._made(migration, action, judgement, statements=numbers, reason=reason if there else "")

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
