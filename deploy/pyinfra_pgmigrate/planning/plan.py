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
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..catalog.lines import key_of
from ..catalog.parts import is_elsewhere
from ..errors import Refusal
from ..importing.ledgers import Stated
from ..migrations.files import Migration
from ..migrations.remade import Renamed, drops_anything, makings, remade_by, renamings
from ..registry.model import REGISTRY_VERSION, Observed, Verified
from ..settings import Settings
from ..values import PHASES
from . import refusals
from .decide import Decider
from .decision import Action, Decision
from .evidence import began_places
from .state import Judgement, State
from .timeline import Timeline, standing

# Modes that only the owner of a table may take by DDL; source: PostgreSQL manual, "Explicit Locking".
_OWNER_MODES = frozenset({"AccessExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock"})


@dataclass(frozen=True)
class Plan:
    """The decisions for one database in the order of the files; refusals stop all of it.

    + ledger: by which migrations are adopted; None where it took no ledger for that
    + has_kept: a rollback kept something here once, which a migration may put back
    + notes: rules that statements break on tables which are small enough for that
    """

    decisions: tuple[Decision, ...]
    refusals: tuple[Refusal, ...] = ()
    ledger: Stated | None = None
    has_kept: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
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
    adopts = any(decision.action is Action.ADOPT for decision in planner.decisions)
    ledger = planner.ledger if adopts and settings.applied is None else None
    has_kept = observed.registry is not None and bool(observed.registry.quarantined_runs)
    return Plan(tuple(planner.decisions), tuple(planner.found_refusals), ledger, has_kept)


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


@dataclass
class _Planner(Decider):
    """Goes through the files once.

    + changed: something was decided that writes, if only the registry
    """

    decisions: list[Decision] = field(default_factory=list)
    changed: bool = False

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
            decision = self._after_rollback(self.decide(migration, row))
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

    def _after_rollback(self, decision: Decision) -> Decision:
        """Adds what matters where a rollback has been here before."""
        registry, migration = self.observed.registry, decision.migration
        if registry is None:
            return decision
        if drops_anything(migration, decision.statements):
            remade = tuple(remade_by(migration, decision.statements, self._makings))
            decision = replace(decision, remade=remade, renamed=self._renamings if remade else ())
        if registry.quarantines and any(
            statement.node == "alter_enum_stmt" for statement in migration.chosen(decision.statements)
        ):
            # Rows that are put back may have the new value, which can be used after COMMIT only.
            decision = replace(decision, registers_alone=True)
        return decision

    @cached_property
    def _makings(self) -> dict[str, tuple[int, int]]:
        return makings(self.migrations)

    @cached_property
    def _renamings(self) -> tuple[Renamed, ...]:
        return renamings(self.migrations)

    # What holds for the database as a whole.

    def _check_database(self) -> None:
        if not self.observed.server.schema_exists:
            self.refuse(refusals.schema_missing(self.settings.schema, self.observed))
        if self.observed.damaged:
            self.refuse(refusals.registry_damaged(self.observed.damaged))
        if self.observed.registry is not None and self.observed.registry.version > REGISTRY_VERSION:
            self.refuse(refusals.registry_newer(self.observed.registry.version, REGISTRY_VERSION))
        scope, registry = self.settings.scope, self.observed.registry
        if registry is not None and (registry.others if not scope else "" in registry.others):
            self.refuse(refusals.of_another_kind(scope, registry.others))
        if scope:
            self._check_elsewhere()
        if self.settings.compatibility and self.observed.server.foreign_code:
            self.refuse(refusals.too_powerful(self.observed.server))

    def _check_elsewhere(self) -> None:
        for migration in self.migrations:
            patch = None if migration.effect is None else migration.effect.patch
            found = sorted(filter(is_elsewhere, () if patch is None else patch.minus | patch.plus))
            if found:
                self.refuse(refusals.elsewhere(migration, found, self.settings.scope))

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
        ledger = self.ledger if self.settings.applied is None else None
        if ledger is not None and ledger.missing:
            self.refuse(refusals.ledger_unclear(ledger))
            return
        if self.stated and self.stated not in {migration.version for migration in self.migrations}:
            self.refuse(refusals.no_such_applied(self.stated, self.migrations))
            return
        pending = [one for one in self.migrations if self._is_stated(one) and one.version not in self.observed.applied]
        # None after it ran, so that nothing explains what is otherwise than these left it.
        touched = {line for one in pending for line in self.timeline.lines(self.timeline.places[one.version])}
        wrong = sorted(self.found.differing & touched)
        if wrong:
            began = began_places(self.timeline, self.observed)
            nearest = standing(self.timeline, self.observed.catalog.lines, first=self.registered, began=began)
            at = self.timeline.order[nearest.place - 1].version if nearest.place else 0
            table = "" if ledger is None else ledger.table
            self.refuse(refusals.not_as_stated(self.stated, wrong, self.observed.catalog, at, table))

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

    # What a decision to run something needs.

    def _check_preconditions(self, decision: Decision) -> None:
        migration = decision.migration
        provided: set[str] = set()
        lacking: list[str] = []
        for statement in migration.chosen(decision.statements):
            effect = migration.effect_of(statement)
            lacking += [
                key
                for key in effect.needs
                if not self.outlook.of_key(key)
                and key not in provided
                and key not in lacking
                # Of one schema, what others have was not looked at.
                and not (self.settings.scope and is_elsewhere(key))
            ]
            provided |= {key_of(line) for line in effect.patch.plus}
            for lock in effect.locks:
                self._check_owner(migration, lock.mode, lock.relation)
        if lacking:
            # A column says more than the table that it is missing from.
            keys = sorted(lacking, key=lambda key: not key.startswith("table "))
            self.refuse(refusals.lacking(migration, keys, self._before(migration)))

    def _check_owner(self, migration: Migration, mode: str, table: str) -> None:
        server = self.observed.server
        owner = self.observed.catalog.owners.get(f"table {table}")
        if owner is None or mode not in _OWNER_MODES or server.is_superuser or owner in server.roles:
            return
        refusal = refusals.not_owner(migration, table, owner, server.role)
        if refusal not in self.found_refusals:
            self.refuse(refusal)
