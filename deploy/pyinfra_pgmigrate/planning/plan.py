"""The plan: what a run does on one database, decided before anything runs. Pure: no I/O, no pyinfra.

The decision table (registry x catalog); see ``timeline`` and ``state`` for how the catalog is judged:

========  ==============================================  ====================================================
registry  catalog                                         what happens
========  ==============================================  ====================================================
absent    none of it, or no trace                         apply
absent    all of it, every statement leaves a trace       adopt: write the registry, run nothing
absent    all of it, and statements that leave no trace   refuse (ambiguous), unless its verify query holds
absent    partial                                         go on where our own run stopped; by hand: resume where
                                                          that cannot be wrong, else refuse
absent    conflict                                        refuse
applied   applied                                         no change
applied   not applied any more                            refuse (drift); with pg_repair: repair
applied   file changed since                              refuse
applied   file gone, older pending                        refuse; with pg_out_of_order: apply the older one
========  ==============================================  ====================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ..catalog.lines import Catalog, Patch, definition_of, is_own, key_of, matches, parts_of
from ..errors import Refusal
from ..migrations.files import Migration
from ..registry.model import REGISTRY_VERSION, AppliedMigration, Interrupted, Observed, Upsert, Verified
from ..settings import PHASES, Settings
from ..sqltext.parser import (
    IDEMPOTENT,
    PASSING,
    STRUCTURAL,
    SqlSyntaxError,
    Statement,
    UniqueRule,
    unique_rule_of_constraint,
    unique_rule_of_index,
    upserts,
)
from . import refusals
from .state import PROGRAMS, Judgement, State, StatementState, in_order, judge
from .timeline import Standing, Timeline, standing

# Modes that only the owner of a table may take by DDL; source: PostgreSQL manual, "Explicit Locking".
_OWNER_MODES = frozenset({"AccessExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock"})


class Action(Enum):
    """What a run does about one migration."""

    NONE = "no change"
    APPLY = "apply"
    RESUME = "resume"
    ADOPT = "adopt"
    REPAIR = "repair"
    CONVERGE = "converge"
    HOLD = "hold"
    STOP = "beyond the target"


# Kinds of objects that a verify query may ask for.
_QUERIED = ("table ", "column ", "view ", "materialized_view ", "function ", "type ", "sequence ")

# What the registry calls a migration after each action.
OUTCOME = {
    Action.APPLY: "applied",
    Action.RESUME: "resumed",
    Action.ADOPT: "adopted",
    Action.REPAIR: "repaired",
    Action.CONVERGE: "applied",
}


@dataclass(frozen=True)
class Decision:
    """What a run does about one migration, and why.

    + statements: numbers of the statements that it runs
    + patch: the lines that they take away and add on this database
    + present: lines of the migration that were there when this was decided
    + absent: lines of the migration that were not
    + reason: one line for people; empty where the action says it all
    """

    migration: Migration
    action: Action
    judgement: Judgement
    row: AppliedMigration | None = None
    statements: tuple[int, ...] = ()
    patch: Patch = field(default_factory=Patch)
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def changes(self) -> bool:
        """Whether the run writes anything for it."""
        return self.action in OUTCOME


@dataclass(frozen=True)
class Plan:
    """The decisions for one database in the order of the files; refusals stop all of it."""

    decisions: tuple[Decision, ...]
    refusals: tuple[Refusal, ...] = ()

    @property
    def changes(self) -> tuple[Decision, ...]:
        """The decisions that write something."""
        return tuple(decision for decision in self.decisions if decision.changes)

    @property
    def runs_statements(self) -> bool:
        """Whether more than the registry will be written."""
        return any(decision.statements for decision in self.changes)

    @property
    def held(self) -> tuple[Decision, ...]:
        """The decisions to hold a migration back."""
        return tuple(decision for decision in self.decisions if decision.action is Action.HOLD)

    def of(self, version: int) -> Decision | None:
        """Returns the decision for one version, or None where it has no file."""
        return next((one for one in self.decisions if one.migration.version == version), None)


def make_plan(
    migrations: Sequence[Migration],
    observed: Observed,
    settings: Settings,
    verified: Mapping[int, Verified],
) -> Plan:
    """Returns what a run does on this database.

    + migrations: all files, in order
    + verified: answers of verify queries by version; one that was not asked counts as holding
    """
    planner = _Planner(migrations, observed, settings, verified)
    planner.decide_all()
    return Plan(tuple(planner.decisions), tuple(planner.found_refusals))


def to_ask(plan: Plan, only: Collection[int] | None = None) -> dict[int, str]:
    """Returns the verify queries whose answers a plan waits for, by version.

    + only: versions to ask; None: all
    """
    return {
        decision.migration.version: decision.migration.verify
        for decision in plan.decisions
        if decision.migration.verify is not None
        and decision.action is not Action.STOP
        and (only is None or decision.migration.version in only)
        and decision.judgement.state in (State.APPLIED, State.UNKNOWN)
        and decision.migration.effect is not None
    }


class _Outlook:
    """The catalog as it will be at a point of the plan."""

    def __init__(self, catalog: Catalog) -> None:
        self.lines = set(catalog.lines)
        self.by_key = {key: set(lines) for key, lines in catalog.by_key.items()}

    def patch(self, patch: Patch) -> None:
        """Takes away and adds the lines of a patch."""
        self.lines -= patch.minus
        self.lines |= patch.plus
        for line in patch.minus:
            if not is_own(line):
                self.by_key.get(key_of(line), set()).discard(line)
        for line in patch.plus:
            if not is_own(line):
                self.by_key.setdefault(key_of(line), set()).add(line)


@dataclass
class _Planner:
    """Goes through the files once; ``outlook`` is what the database will be at that point.

    + changed: something was decided that writes, if only the registry; runs: something that runs statements
    """

    migrations: Sequence[Migration]
    observed: Observed
    settings: Settings
    verified: Mapping[int, Verified]
    decisions: list[Decision] = field(default_factory=list)
    found_refusals: list[Refusal] = field(default_factory=list)
    changed: bool = False
    runs: bool = False

    def __post_init__(self) -> None:
        registered = self.observed.applied
        self.newest = max(registered, default=0)
        self.outlook = _Outlook(self.observed.catalog)
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
        self.found_refusals.append(refusal)

    def decide_all(self) -> None:
        self._check_database()
        self._check_order()
        self._check_stated()
        stopped = False
        for migration in self.migrations:
            row = self.observed.applied.get(migration.version)
            stopped = stopped or (row is None and self._is_beyond(migration))
            if stopped and row is None:
                self.decisions.append(Decision(migration, Action.STOP, Judgement(State.UNKNOWN, {})))
                continue
            decision = self._decide(migration, row)
            self.decisions.append(decision)
            if decision.changes:
                self._check_preconditions(decision)
                self.changed = True
                self.runs = self.runs or bool(decision.statements)
                self.outlook.patch(decision.patch)
        if self.changed:
            self._check_may_create()
        if self.changed and not self.found_refusals:
            self._check_end()

    # What holds for the database as a whole.

    def _check_database(self) -> None:
        if not self.observed.server.schema_exists:
            self.refuse(refusals.schema_missing(self.settings.schema, self.observed))
        if self.observed.damaged:
            self.refuse(refusals.registry_damaged(self.observed.damaged))
        if self.observed.registry is not None and self.observed.registry.version > REGISTRY_VERSION:
            self.refuse(refusals.registry_newer(self.observed.registry.version, REGISTRY_VERSION))
        if self.settings.compatibility and self.observed.server.foreign_code:
            self.refuse(refusals.too_powerful(self.observed.server))

    def _check_order(self) -> None:
        target = self.settings.target
        versions = {migration.version for migration in self.migrations}
        if target is not None and target not in versions:
            self.refuse(refusals.no_such_target(target, self.migrations))
        elif target is not None and target < self.newest:
            self.refuse(refusals.target_is_behind(target, self.newest))
        for version, row in sorted(self.observed.applied.items()):
            if version not in versions:
                self.refuse(refusals.file_is_gone(row))

    def _check_stated(self) -> None:
        if self.stated is None:
            return
        if self.stated and self.stated not in {migration.version for migration in self.migrations}:
            self.refuse(refusals.no_such_applied(self.stated, self.migrations))
            return
        pending = [one for one in self.migrations if self._is_stated(one) and one.version not in self.observed.applied]
        # None after it ran, so that nothing explains what is otherwise than these left it.
        touched = {line for one in pending for line in self.timeline.lines(self.timeline.places[one.version])}
        wrong = sorted(self.found.differing & touched)
        if wrong:
            nearest = standing(self.timeline, self.observed.catalog.lines, first=self.registered)
            at = self.timeline.order[nearest.place - 1].version if nearest.place else 0
            self.refuse(refusals.not_as_stated(self.stated, wrong, self.observed.catalog, at))

    def _check_may_create(self) -> None:
        server = self.observed.server
        if self.observed.registry is None and not server.may_create_in_database:
            what = f'database "{server.database}" (the registry is a schema of it)'
            self.refuse(refusals.may_not_create(what, server.role, f"DATABASE {server.database}"))
        if not server.may_create_in_schema and any(decision.patch.plus for decision in self.decisions):
            schema = self.settings.schema
            self.refuse(refusals.may_not_create(f'schema "{schema}"', server.role, f"SCHEMA {schema}"))

    def _check_end(self) -> None:
        """Refuses a plan that does not end where the migrations that will have run lead to."""
        running = {one.migration.version for one in self.decisions if one.changes}
        ran = running | set(self.observed.applied)
        whole = Timeline([one for one in self.timeline.order if one.version in ran])
        end = len(whole.order)
        for decision in self.decisions:
            if not (decision.changes and decision.statements):
                continue
            wrong = sorted(
                line
                for line in whole.lines(whole.places[decision.migration.version])
                if line not in whole.loose and whole.at(line, end) is not (line in self.outlook.lines)
            )
            if wrong:
                self.refuse(refusals.leads_elsewhere(decision.migration, wrong, self.outlook.lines))

    def _is_beyond(self, migration: Migration) -> bool:
        target, phase = self.settings.target, self.settings.phase
        if target is not None and migration.version > target:
            return True
        return phase is not None and PHASES.index(migration.header.phase) > PHASES.index(phase)

    # One migration.

    def _decide(self, migration: Migration, row: AppliedMigration | None) -> Decision:
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
        lines = _lines_of(migration)
        return Decision(
            migration=migration,
            action=action,
            judgement=judgement,
            row=row,
            statements=statements,
            patch=_predicted(migration, statements, self.outlook.lines),
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
            reason = f"the verify query finds {_count(verified)} problem(s)"
            return self._made(migration, Action.CONVERGE, judgement, row=row, statements=numbers, reason=reason)
        if in_place and not migration.statements and verified is not None:
            self.refuse(refusals.not_verified(migration, verified))
        elif not self.settings.repair:
            self.refuse(refusals.drifted(migration, judgement, verified))
        elif judgement.state is State.CONFLICT:
            self.refuse(refusals.not_repairable(migration, judgement))
        # Statements without lines ran when it was applied; only a verify query can say that they must again.
        problems = migration.verify is not None and (verified is None or not verified.holds)
        numbers = _to_run(migration, judgement, problems=problems)
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
        self.outlook.patch(_whole_patch(migration))
        return decision

    def _decide_pending(self, migration: Migration, place: int, judgement: Judgement) -> Decision:
        """Decides on a migration of which nothing is there, as far as the catalog tells."""
        verified = self._answer(migration)
        numbers = _all_of(migration)
        seen = judgement.state is not State.UNKNOWN
        # What runs before it may make problems for it; but where later ones are there, it has run before that.
        counts = not self.runs or place < self.found.evidence
        if not seen and verified is not None and verified.holds and counts:
            return self._made(migration, Action.ADOPT, judgement, reason="its verify query finds no problem")
        if self._may_have_run(migration, place, judgement) and migration.verify is None:
            unclear = _unclear(migration, judgement.unseen) if seen else ()
            refusal = refusals.ambiguous(migration, unclear, self._before(migration))
            return self._refused(refusal, migration, judgement)
        return self._made(migration, Action.APPLY, judgement, statements=numbers)

    def _may_have_run(self, migration: Migration, place: int, judgement: Judgement) -> bool:
        """Tells whether a migration may have run although the catalog does not show it.

        So where nothing is registered here, other means ran what is before or after it, and what it does leaves no
        trace. Where something is, or a run of ours began, we would have registered this one too.
        """
        if self.registered or self.observed.interrupted or self.stated is not None or _may_run_twice(migration):
            return False
        traceless = judgement.state is State.UNKNOWN
        unclear = _unclear(migration, _all_of(migration) if traceless else judgement.unseen)
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
            reason = f"the verify query finds {_count(verified)} problem(s)"
            numbers = _all_of(migration) if judgement.state is State.UNKNOWN else unseen
            if judgement.state is not State.UNKNOWN and not _may_run_twice(migration):
                numbers = ()
            if not numbers:
                self.refuse(refusals.not_verified(migration, verified))
            return self._made(migration, Action.APPLY, judgement, statements=numbers, reason=reason)
        unclear = _unclear(migration, unseen)
        again = _again(migration, unseen)
        if migration.verify is not None or certain or not (unclear or again):
            return self._made(migration, Action.ADOPT, judgement, reason="found in place")
        if not unclear or _may_run_twice(migration):
            reason = "found in place, but for statements that leave no trace and may run twice"
            numbers = tuple(sorted({*unclear, *again, *_settings_of(migration)}))
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
        numbers = tuple(number for number in _all_of(migration) if number not in done)
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
        twice = _may_run_twice(migration)
        hidden = list(_unclear(migration, judgement.unseen))
        if migration.header.removes:
            hidden += judgement.numbers(StatementState.VACUOUS)
        chosen = {*judgement.numbers(StatementState.MISSING), *(hidden if twice else ())}
        numbers = tuple(sorted({*chosen, *_again(migration, judgement.unseen), *_settings_of(migration)}))
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
            for line in _whole_patch(later).minus
        }
        return any(key.startswith(_QUERIED) and not self.outlook.by_key.get(key) for key in removed)

    # What a decision to run something needs.

    def _check_preconditions(self, decision: Decision) -> None:
        migration = decision.migration
        provided: set[str] = set()
        lacking: list[str] = []
        for statement in migration.statements:
            if statement.number not in decision.statements:
                continue
            effect = migration.effect_of(statement)
            lacking += [
                key
                for key in effect.needs
                if not self.outlook.by_key.get(key) and key not in provided and key not in lacking
            ]
            provided |= {key_of(line) for line in effect.patch.plus}
            for lock in effect.locks:
                self._check_owner(migration, lock.mode, lock.relation)
        if lacking:
            # A column says more than the table that it is missing from.
            self.refuse(refusals.lacking(migration, sorted(lacking, key=lambda key: not key.startswith("table "))))

    def _check_owner(self, migration: Migration, mode: str, table: str) -> None:
        server = self.observed.server
        owner = self.observed.catalog.owners.get(f"table {table}")
        if owner is None or mode not in _OWNER_MODES or server.is_superuser or owner in server.roles:
            return
        refusal = refusals.not_owner(migration, table, owner, server.role)
        if refusal not in self.found_refusals:
            self.refuse(refusal)


def _count(verified: Verified | None) -> str:
    return "unknown" if verified is None or verified.count is None else str(verified.count)


def _lines_of(migration: Migration) -> frozenset[str]:
    """Returns every line that one of a migration's statements takes away or adds."""
    if migration.effect is None:
        return frozenset()
    return frozenset(
        line for statement in migration.effect.statements for line in statement.patch.minus | statement.patch.plus
    )


def _all_of(migration: Migration) -> tuple[int, ...]:
    return tuple(statement.number for statement in migration.statements)


def _may_run_twice(migration: Migration) -> bool:
    """Tells whether the file says of itself that its statements may run twice."""
    return migration.header.converges or migration.header.repeatable


def _unclear(migration: Migration, numbers: Collection[int]) -> tuple[int, ...]:
    """Returns those of the statements without a trace of which it matters whether they ran.

    A setting, a lock, or structure that the statement found as it wants it (IF EXISTS, IF NOT EXISTS, OR REPLACE)
    is none.
    """
    again = _again(migration, numbers)
    return tuple(
        statement.number
        for statement in migration.statements
        if statement.number in numbers
        and statement.number not in again
        and statement.node not in PASSING
        and not (statement.node in STRUCTURAL and _is_without_effect(migration, statement))
    )


def _again(migration: Migration, numbers: Collection[int]) -> tuple[int, ...]:
    """Returns those of the statements without a trace that may run twice by their nature, such as COMMENT ON."""
    return tuple(
        statement.number
        for statement in migration.statements
        if statement.number in numbers
        and (
            statement.node in IDEMPOTENT
            or (
                statement.node in STRUCTURAL
                and bool(migration.effect_of(statement).touches)
                and _is_without_effect(migration, statement)
            )
        )
    )


def _is_without_effect(migration: Migration, statement: Statement) -> bool:
    effect = migration.effect_of(statement)
    return not effect.patch and not effect.rewrites


def _settings_of(migration: Migration) -> tuple[int, ...]:
    """Returns the statements that set something for those after them in their transaction."""
    return tuple(one.number for one in migration.statements if one.node == "variable_set_stmt")


def _to_run(migration: Migration, judgement: Judgement, *, problems: bool) -> tuple[int, ...]:
    """Returns the statements that repair an applied migration.

    + problems: its verify query finds problems: statements that leave no trace run too, and so do those that
      look for more than the lines of their effect (``removes``)
    """
    states = [StatementState.MISSING]
    if problems:
        states.append(StatementState.UNSEEN)
        if migration.header.removes:
            states += [StatementState.DONE, StatementState.VACUOUS]
    return judgement.numbers(*states)


def _whole_patch(migration: Migration) -> Patch:
    return Patch() if migration.effect is None else migration.effect.patch


def _predicted(migration: Migration, statements: Sequence[int], lines: Collection[str]) -> Patch:
    """Returns what statements of a migration will do on this database.

    What is not there does not go; what the header's ``removes`` means goes by its name on this database.
    """
    whole = Patch()
    for statement in migration.statements:
        if statement.number in statements:
            whole = whole.then(migration.effect_of(statement).patch)
    if not statements:
        return whole
    patterns = migration.header.removes
    meant = {line for line in lines if any(matches(line, pattern) for pattern in patterns)} if patterns else set()
    gone = frozenset(line for line in whole.minus | meant if line in lines)
    return Patch(gone, frozenset(line for line in whole.plus if line not in lines))


def removed_rules(patch: Patch) -> frozenset[UniqueRule]:
    """Returns the unique rules that a patch takes away, indexes and constraints alike."""
    rules = (_rule_of(line) for line in patch.minus)
    return frozenset(rule for rule in rules if rule is not None)


def _rule_of(line: str) -> UniqueRule | None:
    if line.startswith("index "):
        return unique_rule_of_index(definition_of(line))
    if line.startswith("constraint "):
        table, name = parts_of(key_of(line).removeprefix("constraint "))
        return unique_rule_of_constraint(table, name, definition_of(line))
    return None


def upsert_on(rules: frozenset[UniqueRule], seen: Sequence[Upsert]) -> Upsert | None:
    """Returns the first statement that names one of these rules in ON CONFLICT, or None.

    One that the grammar does not accept (a text cut short) counts as naming a rule when the table and
    all columns occur in it: holding back is the safe mistake.
    """
    for upsert in seen:
        try:
            named = list(upserts(upsert.query))
        except SqlSyntaxError:
            if any(rule.table in upsert.query and all(name in upsert.query for name in rule.columns) for rule in rules):
                return upsert
            continue
        for rule in rules:
            for one in named:
                if one.table == rule.table and (
                    one.columns == rule.columns or (one.constraint is not None and one.constraint == rule.constraint)
                ):
                    return upsert
    return None
