"""A database with the migrations and the application of its SQL folder: looked at, planned for."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol, TypeVar, cast

import gevent
from pyinfra.api import Host

from ..application.compatibility import Use, load_uses
from ..application.queries import Query, load_queries
from ..application.requirements import Requirement, lacking, not_applicable
from ..application.totals import Total, load_totals
from ..errors import Refusal
from ..host.events import NotApplicable, listener_of
from ..host.pyinfra_api import has_run_anything
from ..host.run import RunContext
from ..host.session import HostSession
from ..lint.sizes import judged_by_size, matters_of_size, sizes
from ..migrations.files import Migration, load_folder, read_names
from ..psql.answer import Unreadable
from ..registry.look import look
from ..registry.model import Observed, OtherRun, Verified
from ..registry.verify import verify
from ..settings import PREFIX, read_settings
from .plan import Plan, make_plan, to_ask


class _Needs(Protocol):
    """A file of the application: what it needs of a database, and where it is in the SQL folder."""

    @property
    def path(self) -> str: ...

    @property
    def requires(self) -> tuple[Requirement, ...]: ...


_File = TypeVar("_File", bound=_Needs)


@dataclass(frozen=True)
class DatabaseSession(HostSession):
    """One database of a host with its migrations.

    + uses: what the application does; totals: what must be the same before and after
    """

    migrations: tuple[Migration, ...] = ()
    uses: tuple[Use, ...] = ()
    totals: tuple[Total, ...] = ()

    @classmethod
    def of(cls, host: Host, overrides: Mapping[str, Any]) -> DatabaseSession:
        """Returns the database of a host.

        + overrides: host data keys that stand above the host's own
        Raises PgMigrateError: settings, file, effect.
        """
        data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
        settings = read_settings({**data, **overrides})
        folder, context = settings.sql_dir, RunContext.of(host.state)
        if settings.search_path is None:
            named = context.read_once(read_names, folder, folders=(folder / "baseline.sql",)).search_path
            settings = replace(settings, search_path=named)
        reports = settings.report_dir if settings.report else None
        return cls(
            host,
            settings,
            # One of several of its host.
            prefix=f"{settings.name}: " if f"{PREFIX}database" in overrides or settings.scope else "",
            listener=listener_of(host, settings.name, settings.place, context.run_on(host, settings.scope), reports),
            migrations=context.read_once(load_folder, folder, folders=(folder,)),
            uses=context.read_once(load_uses, folder, folders=(folder / "compatibility",)),
            totals=context.read_once(load_totals, folder, folders=(folder / "totals",)),
        )

    @property
    def queries(self) -> tuple[Query, ...]:
        """The queries whose cost is measured, read once a run; none with pg_measure=never.

        Raises PgMigrateError (file).
        """
        if self.settings.measure == "never":
            return ()
        folder = self.settings.sql_dir
        versions = frozenset(migration.version for migration in self.migrations)
        return self.context.read_once(load_queries, folder, versions, folders=(folder / "queries",))

    def applying(self, files: Sequence[_File], seen: Observed) -> tuple[_File, ...]:
        """Returns those files of the application that apply to this database; tells of the others, once a run.

        + seen: the database, which has just been read
        """
        found = []
        for file in files:
            missing = lacking(file.requires, seen)
            if not missing:
                found.append(file)
            elif file.path not in self.memory.not_applicable:
                self.memory.not_applicable.add(file.path)
                line = not_applicable(file.path, missing)
                self.announce(NotApplicable(file.path, line))
                self.tell(line)
        return tuple(found)

    def look(self, *, asks: bool = False) -> Observed | Refusal:
        """Returns the database as it is now.

        + asks: also what the verify queries of the registered migrations say, in the same session
        """
        queries = {one.version: one.verify for one in self.migrations if one.verify is not None} if asks else {}
        found = self.ask(look(self.run, self.schema, queries))
        return found if isinstance(found, Observed) else self.unreadable(found)

    def plan(self, *, ask: Collection[int] | None = None, observed: Observed | None = None) -> Plan | Refusal:
        """Returns what a run does now.

        + ask: versions whose verify queries are asked; None: all
        + observed: the database, where it has just been read
        """
        # What is registered is asked all the same: in that session it costs no other one.
        seen = observed if observed is not None else self.look(asks=ask is None)
        if isinstance(seen, Refusal):
            return seen
        first = self._made(seen, {})
        queries = to_ask(first, ask)
        if not queries:
            return self._with_sizes(first, seen)
        answers = self.answers(queries, seen)
        if isinstance(answers, Refusal):
            return answers
        return self._with_sizes(self._made(seen, answers), seen)

    def _made(self, seen: Observed, answers: Mapping[int, Verified]) -> Plan:
        """Returns the plan; of what prepare and execute phase find alike it is made once."""
        return self.memory.planned(
            (self.migrations, seen, self.settings, answers),
            lambda: make_plan(self.migrations, seen, self.settings, answers),
        )

    def _with_sizes(self, plan: Plan, seen: Observed) -> Plan | Refusal:
        """Returns the plan with what it would do to large tables; asks for their sizes once a run."""
        if plan.refusals or not plan.runs_statements:
            return plan
        found = matters_of_size([(one.migration, one.statements) for one in plan.changes], seen)
        unknown = {name for one in found for name in one.tables} - set(self.memory.sizes)
        if unknown:
            answer = self.ask(sizes(sorted(unknown), self.run, self.schema))
            if answer is None or isinstance(answer, Unreadable):
                return self.unreadable(answer)
            self.memory.sizes.update({name: answer.get(name) for name in unknown})
        known = {name: one for name, one in self.memory.sizes.items() if one is not None}
        notes, refusals = judged_by_size(found, known, self.settings.large_table_rows)
        return replace(plan, notes=notes, refusals=refusals)

    def answers(self, queries: Mapping[int, str], seen: Observed) -> Mapping[int, Verified] | Refusal:
        """Returns what verify queries say, of what was just seen, asking for the others."""
        found = self._ask({version: query for version, query in queries.items() if version not in seen.verified})
        if isinstance(found, Refusal):
            return found
        verified = {**seen.verified, **found}
        if found:
            self.memory.knows_more(seen, replace(seen, verified=verified))
        return {version: answer for version, answer in verified.items() if version in queries}

    def _ask(self, queries: Mapping[int, str]) -> dict[int, Verified] | Refusal:
        if not queries:
            return {}
        found = self.ask(verify(self.run, self.schema, queries))
        return self.unreadable(found) if found is None or isinstance(found, Unreadable) else found

    def wait_for_turn(self) -> Observed | Refusal:
        """Returns the database once no other run is at work on it, or why that did not come."""
        deadline = monotonic() + self.settings.run_wait_s
        told = ""
        known = self.memory.just_seen(self.schema, has_run_anything=has_run_anything(self.host.state))
        while True:
            seen, known = known or self.look(), None
            if isinstance(seen, Refusal) or seen.other_run is None:
                return cast("Observed | Refusal", seen)
            if monotonic() > deadline:
                return self.busy(_described(seen.other_run))
            if told != seen.other_run.run_id:
                told = seen.other_run.run_id
                self.tell(f"another run is at work here ({_described(seen.other_run)}), waiting for it")
            gevent.sleep(random.uniform(0.2, 0.6))  # noqa: S311  (jitter, no secret)

    def tell_snapshots(self, seen: Observed, plan: Plan, versions: Collection[int]) -> None:
        """Names whoever will keep a statement outside a transaction waiting, before it starts."""
        outside = any(
            not statement.in_transaction
            for decision in plan.changes
            if decision.migration.version in versions
            for statement in decision.migration.chosen(decision.statements)
        )
        for blocker in seen.snapshots if outside else ():
            self.tell(f"    will wait for {blocker}")


def _described(run: OtherRun) -> str:
    when = f"at work for {run.seen_s:.0f} s" if run.at_work else f"last seen {run.seen_s:.0f} s ago"
    return f"{run.operator}, {when}"
