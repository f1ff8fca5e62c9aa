"""Recording: runs migrations on a scratch database, as a run would, and writes down what each statement does.

What runs in one transaction at the run runs in one here, and is looked at between its statements. Nothing else on
the server is touched. Runs on the controller, through psycopg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import psycopg
from psycopg import sql as composed
from psycopg.pq import TransactionStatus

from ..catalog.lines import is_own
from ..errors import Kind, PgMigrateError
from ..settings import KEYS
from ..sqltext.parser import Statement, server_wide_operation
from . import effect as effects
from .effect import Effect, StatementEffect
from .files import (
    Migration,
    baseline_checksum,
    expected_bases,
    read_baseline,
    read_folder,
    read_names,
    with_effects,
)
from .scene import in_a_row
from .scratch import Tell, pinned, scratch_database, session
from .scratch_session import ScratchSession, last_key, said
from .script import endless, failed, server_wide, unfit_verify

# Migrations that are sent together.
_TOGETHER = 100


class Replayer(ScratchSession):
    """A scratch database on which migrations are run whose effects are known, for what comes after them."""

    def replay(self, migrations: Sequence[Migration]) -> None:
        """Runs migrations in order.

        Raises PgMigrateError: see ``Recorder.record``.
        """
        for is_whole, found in groupby(migrations, self._is_whole):
            several = list(found)
            for first in range(0, len(several), _TOGETHER):
                some = several[first : first + _TOGETHER]
                if not is_whole or not self._run_together(some):
                    for migration in some:
                        self._replay(migration)
        if migrations:
            self._has_looked = False
            self._catalog_reader.forgets()

    def _is_whole(self, migration: Migration) -> bool:
        """Tells whether a migration is one transaction of statements alone, on a server where nothing can be hurt."""
        steps = migration.steps(statement.number for statement in migration.statements)
        return (
            self.is_throwaway
            and len(steps) == 1
            and not migration.mode_of(steps[0])
            and migration.verify is None
            and not migration.header.in_batches
            # What a setting says of quotes counts for all that is sent with it.
            and all(one.in_transaction and one.node != "variable_set_stmt" for one in steps[0])
        )

    def _run_together(self, migrations: Sequence[Migration]) -> bool:
        """Runs migrations in one transaction, all of them sent at once; returns whether they ran.

        Else nothing of them is left: run one by one, the statement that fails can be named.
        """
        as_new = pinned(self.names.schema, *self.names.search_path, discards=True)
        parts = [b"BEGIN;"]
        for migration in migrations:
            texts = (*(one.text for one in migration.statements), "SET CONSTRAINTS ALL IMMEDIATE", "")
            parts += [as_new, ";\n".join(texts).encode()]
        try:
            self._run(b"\n".join([*parts, b"COMMIT;"]))
        except psycopg.Error:
            self._run("ROLLBACK")
            return False
        return True

    def _replay(self, migration: Migration) -> None:
        self._begin(again=True)
        for number, step in enumerate(migration.steps(statement.number for statement in migration.statements)):
            if number:
                self._pin()
            if migration.header.in_batches:
                for _ in self._batches(migration, step[0]):
                    pass
            else:
                self._run_again(migration, step)
        self._check_verify(migration)

    def _run_again(self, migration: Migration, step: Sequence[Statement]) -> None:
        source, statement, is_at_end = f"{migration.name}.sql", step[0], False
        try:
            if not statement.in_transaction:
                self._run(statement.text)
                return
            with self.connection.transaction():
                self._begin_as(migration.mode_of(step))
                for statement in step:
                    self._run(statement.text)
                is_at_end = True
                self._run("SET CONSTRAINTS ALL IMMEDIATE")
                if not self.is_throwaway:  # It was looked at when it was recorded.
                    self._check_server(source, statement)
        except psycopg.Error as error:
            raise failed(source, statement, *said(error), step=step if is_at_end else ()) from error

    def _begin(self, *, again: bool = False) -> None:
        # A session as new: no temporary table, prepared statement or setting of another file.
        self._as_new()
        # Where nobody else is at work it stays as it was found: what changes it is refused.
        if not self.is_throwaway or not (again or self._has_begun):
            self._has_begun = True
            self._server = self._read_server(self.watcher)

    def _begin_as(self, mode: str) -> None:
        if mode:
            self.connection.execute(composed.SQL("SET TRANSACTION {}").format(composed.SQL(mode)))

    def _batches(self, migration: Migration, statement: Statement) -> Iterator[frozenset[tuple[int, str]]]:
        """Runs a statement as the run does, a transaction each, until it returns no key; yields the locks of each."""
        key: str | None = ""
        try:
            self._set("pgmigrate.batch_size", str(KEYS["pg_batch_rows"].default))
            while key is not None:
                self._set("pgmigrate.batch_after", key)
                with self.connection.transaction():
                    last = last_key(migration, statement, self._run(statement.text))
                    held = self._locks(self.connection)
                    self._check_server(f"{migration.name}.sql", statement)
                yield held
                if key and last == key:
                    raise endless(migration.name, statement)
                key = last
        except psycopg.Error as error:
            raise failed(f"{migration.name}.sql", statement, *said(error)) from error

    def _check_verify(self, migration: Migration) -> None:
        if migration.verify is None:
            return
        self._pin()
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION READ ONLY")
            try:
                cursor = self._run(migration.verify)
            except psycopg.Error as error:
                raise unfit_verify(migration.name, said(error)[1]) from error
            columns = [column.name for column in cursor.description or ()]
        if columns != ["object", "problem"] or cursor.rowcount:
            raise unfit_verify(migration.name, "", columns, cursor.rowcount)


class Recorder(Replayer):
    """A scratch database on which migrations are run in order."""

    # Whether statements that write rows as the one before them did are run before one look.
    in_a_row = False

    def run_baseline(self, folder: Path) -> None:
        """Runs the baseline, where there is one, each statement for itself as psql does.

        Raises PgMigrateError (file) with the statement that failed, or that acts on a server which stays.
        """
        source = "baseline.sql"
        self.names = read_names(folder)
        self._pin()
        for statement in read_baseline(folder):
            operation = "" if self.is_throwaway else server_wide_operation(statement)
            if operation:
                raise server_wide(source, statement, f'"{statement.words}"', operation)
            try:
                if not statement.in_transaction or statement.node == "transaction_stmt":
                    self._run(statement.text)
                    continue
                with self.connection.transaction():
                    self._run(statement.text)
                    if not self.is_throwaway:
                        self._check_server(source, statement)
            except psycopg.Error as error:
                raise failed(source, statement, *said(error)) from error
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            # It began a transaction and did not end it; psql would leave it like that, too.
            self._run("ROLLBACK")

    def record(self, migration: Migration, *, base: str) -> Effect:
        """Runs a migration and returns what each of its statements did.

        Raises PgMigrateError (file) with the statement that failed or that acts on the whole server, or the verify
        query that does not hold on the empty scratch database.
        """
        self._begin()
        recorded: list[StatementEffect] = []
        for number, step in enumerate(migration.steps(statement.number for statement in migration.statements)):
            if number:
                # What an earlier step has set for the session is the runner's to set back.
                self._pin()
            self._check_schema(f"{migration.name}.sql", step[0])
            if migration.header.in_batches:
                recorded.append(self._record_batches(migration, step[0]))
            elif step[0].in_transaction:
                recorded += self._record_together(migration, step)
            else:
                recorded.append(self._record_outside(migration, step[0]))
        self._check_verify(migration)
        return Effect(base, tuple(recorded))

    def _record_together(self, migration: Migration, step: Sequence[Statement]) -> list[StatementEffect]:
        source = f"{migration.name}.sql"
        recorded: list[StatementEffect] = []
        statement = step[0]
        is_at_end = False
        try:
            with self.connection.transaction():
                self._begin_as(migration.mode_of(step))
                self._look_before()
                held = frozenset[tuple[int, str]]()
                self._catalog_reader.begins()
                for several in in_a_row(step) if self.in_a_row else zip(step):
                    statement = several[0]
                    if statement is not step[0]:  # One before it may have dropped the schema.
                        self._check_schema(source, statement)
                    with self._apart(step):
                        for statement in several:
                            self._run(statement.text)
                        is_at_end = statement is step[-1]
                        if is_at_end:
                            # What COMMIT would check and fire, while it can still be seen and undone.
                            self._run("SET CONSTRAINTS ALL IMMEDIATE")
                    seen = self._look()
                    if len(several) > 1 and not (seen.is_nothing and seen.locks == held):
                        raise _NotOneByOneError
                    self._refuse_server_wide(source, statement, seen.server)
                    recorded += [self._effect(source, one, seen, held) for one in several]
                    held = seen.locks
        except psycopg.Error as error:
            raise failed(source, statement, *said(error), step=step if is_at_end else ()) from error
        return recorded

    @contextmanager
    def _apart(self, step: Sequence[Statement]) -> Iterator[None]:
        """Runs a statement in a subtransaction, so that what it writes can be told from what was written before."""
        if any(statement.node == "transaction_stmt" for statement in step):
            # A savepoint of its own would end with ours.
            self._catalog_reader.forgets()
            yield
            return
        with self.connection.transaction():
            yield

    def _record_batches(self, migration: Migration, statement: Statement) -> StatementEffect:
        self._look_before()
        locks: frozenset[tuple[int, str]] = frozenset()
        for held in self._batches(migration, statement):
            locks |= held
        return self._after_all(migration, statement, locks)

    def _record_outside(self, migration: Migration, statement: Statement) -> StatementEffect:
        self._look_before()
        try:
            locks = self._run_outside_transaction(statement)
        except psycopg.Error as error:
            raise failed(f"{migration.name}.sql", statement, *said(error)) from error
        return self._after_all(migration, statement, locks)

    def _after_all(
        self, migration: Migration, statement: Statement, locks: frozenset[tuple[int, str]]
    ) -> StatementEffect:
        self._catalog_reader.forgets()
        return self._effect(f"{migration.name}.sql", statement, replace(self._look(), locks=locks), frozenset())


@contextmanager
def recorder(
    conninfo: str, *, is_throwaway: bool = False, tell: Tell, trusts_counts: bool = True
) -> Iterator[Recorder]:
    """Yields a recorder on a scratch database, which is dropped at the end.

    + conninfo: of any database of the server; needs CREATEDB
    + is_throwaway: nobody else uses the server, and it is gone afterwards
    + tell: takes a line for people; trusts_counts: see ``CatalogReader``
    Raises PgMigrateError: unreadable or privilege, where the server does not make a scratch database.
    """
    with (
        scratch_database(conninfo, tell=tell) as scratch,
        closing(session(scratch)) as connection,
        closing(session(scratch)) as watcher,
    ):
        yield Recorder(connection, watcher, scratch, is_throwaway=is_throwaway, trusts_counts=trusts_counts)


def record_folder(
    folder: Path,
    conninfo: str,
    *,
    migrations: Sequence[Migration] | None = None,
    is_throwaway: bool = False,
    tell: Tell = lambda line: None,
    reuses: bool = False,
) -> dict[str, str]:
    """Returns the text of each migration's effect file, by file name, recorded on a scratch database.

    + migrations: of the folder; None: they are read; conninfo, is_throwaway, tell: see ``recorder``
    + reuses: effects that are current stay, and their migrations are only run for those that come after them; all are
      recorded where the catalog that they lead to is not the one that they say
    Raises PgMigrateError: file, for what breaks a rule or does not run; see ``recorder`` for others.
    """
    migrations = read_folder(folder) if migrations is None else migrations
    known = _current(folder, migrations) if reuses else {}

    def recorded(known: Mapping[str, Effect], *, in_a_row: bool = False, counts: bool = True) -> dict[str, str]:
        with recorder(conninfo, is_throwaway=is_throwaway, tell=tell, trusts_counts=counts) as recording:
            recording.in_a_row = in_a_row
            return dict(_texts(folder, migrations, recording, known))

    try:
        with suppress(_NotOneByOneError):
            return recorded(known, in_a_row=True)
        return recorded(known)
    except _OtherwiseError as found:
        tell(f"{found}; recording all of them again")
    try:
        return recorded({}, counts=False)
    except _OtherwiseError as found:
        raise PgMigrateError(
            Kind.FILE,
            f"could not record {folder}: what its statements write to the catalog cannot be seen",
            detail=f"Found: {found}; expected the catalog that each statement was seen to leave.",
            hint="Look for a function or trigger that writes to the system catalogs themselves.",
        ) from None


class _OtherwiseError(Exception):
    """What is known of the migrations leads to another catalog than the migrations."""


class _NotOneByOneError(Exception):
    """One of several statements did more than write rows, and nobody knows which."""


def _current(folder: Path, migrations: Sequence[Migration]) -> dict[str, Effect]:
    """Returns the effects that are current, by name of the migration."""
    try:
        return {one.name: one.effect for one in with_effects(folder, migrations) if one.effect is not None}
    except PgMigrateError:
        # One that cannot be read is recorded again.
        return {}


def _texts(
    folder: Path, migrations: Sequence[Migration], recording: Recorder, known: Mapping[str, Effect]
) -> Iterator[tuple[str, str]]:
    bases = expected_bases(baseline_checksum(folder), migrations)
    expected: frozenset[str] | None = None
    replayed: list[Migration] = []
    recording.run_baseline(folder)
    for migration, base in zip(migrations, bases, strict=True):
        name = f"{migration.name}.effect"
        effect = known.get(migration.name)
        if effect is None:
            if expected is not None:
                recording.replay(replayed)
                _compare(_shared(recording), expected)
            expected, replayed = None, []
            yield name, effects.render(migration.name, recording.record(migration, base=base))
            continue
        before = _shared(recording) if expected is None else expected
        replayed.append(migration)
        expected = (before - effect.patch.minus) | effect.patch.plus
        yield name, (folder / name).read_text()
    recording.replay(replayed)
    found = _shared(recording)
    if expected is not None:
        _compare(found, expected)
    recording.check_whole_server(folder)


def _shared(recording: Recorder) -> frozenset[str]:
    """Returns the catalog, compared with what the statements before were seen to write."""
    followed, found = recording.followed, recording.catalog().lines
    if followed is not None:
        _compare(found, followed.lines)
    return frozenset(line for line in found if not is_own(line))


def _compare(found: frozenset[str], expected: frozenset[str]) -> None:
    if differing := sorted(found ^ expected):
        raise _OtherwiseError(f"the recorded effects do not lead to this catalog, first of all at {differing[0]}")
