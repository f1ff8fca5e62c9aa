"""Recording: runs migrations on a scratch database, as a run would, and writes down what each statement does.

What runs in one transaction at the run runs in one here, and is looked at between its statements. Nothing else on
the server is touched. Runs on the controller, through psycopg.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql as composed
from psycopg.pq import TransactionStatus

from ..errors import Kind, PgMigrateError
from ..settings import KEYS
from ..sqltext.parser import Statement, server_wide_operation
from . import effect as effects
from .effect import Effect, StatementEffect
from .files import Migration, baseline_checksum, expected_base, read_baseline, read_folder
from .scene import Scene, effect_of
from .scratch import Tell, pin, scratch_database, session
from .scratch_session import ScratchSession, library
from .script import server_wide

# How long a statement outside a transaction may keep us from seeing its locks, in seconds.
_PATIENCE_S = 60.0

# What to do about errors that come from running in one transaction, by SQLSTATE.
_CURES = {
    "55P04": "Split it into two migrations (pgmigrate new NAME): PostgreSQL lets a new enum value be used only after "
    "the transaction that adds it.",
    "2D000": "Leave COMMIT out: a migration's statements run in one transaction. For many rows write one statement and "
    "the header -- batch: keyset.",
    "55006": "Write SET CONSTRAINTS ALL IMMEDIATE; before it: a table cannot be changed while deferred constraints "
    "have still to check its rows.",
    "25001": "Name the partitions one by one, or use CONCURRENTLY: a migration's statements run in one transaction.",
}
_NO_SUCH_OBJECT = "42704"
# PostgreSQL 15 has another code than 18 for an extension that is not installed.
_NO_SUCH_EXTENSION = ("0A000", "58P01")


class Recorder(ScratchSession):
    """A scratch database on which migrations are run in order.

    + connection: a session of it that runs them, in autocommit; ``watcher``: one that looks from outside
    + conninfo: for further sessions of it
    + is_throwaway: the server is thrown away with it, so that the baseline may make roles there
    """

    def run_baseline(self, folder: Path) -> None:
        """Runs the baseline, where there is one, each statement for itself as psql does.

        Raises PgMigrateError (file) with the statement that failed, or that acts on a server which stays.
        """
        source = "baseline.sql"
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
                raise _failed(source, statement, error) from error
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            # It began a transaction and did not end it; psql would leave it like that, too.
            self._run("ROLLBACK")

    def record(self, migration: Migration, *, base: str) -> Effect:
        """Runs a migration and returns what each of its statements did.

        Raises PgMigrateError (file) with the statement that failed or that acts on the whole server, or the verify
        query that does not hold on the empty scratch database.
        """
        # A session as new: no temporary table, prepared statement or setting of another file.
        self._as_new()
        self._server = self._read_server(self.watcher)
        recorded: list[StatementEffect] = []
        for step in migration.steps(statement.number for statement in migration.statements):
            # What an earlier step has set for the session is the runner's to set back.
            pin(self.connection)
            if migration.header.in_batches:
                recorded.append(self._record_batches(migration, step[0]))
            elif step[0].in_transaction:
                recorded += self._record_together(migration, step)
            else:
                recorded.append(self._record_outside(migration, step[0]))
        pin(self.connection)
        self._check_verify(migration)
        return Effect(base, tuple(recorded))

    def _record_together(self, migration: Migration, step: Sequence[Statement]) -> list[StatementEffect]:
        source = f"{migration.name}.sql"
        mode = migration.mode_of(step)
        recorded: list[StatementEffect] = []
        statement = step[0]
        is_at_end = False
        try:
            with self.connection.transaction():
                if mode:
                    self.connection.execute(composed.SQL("SET TRANSACTION {}").format(composed.SQL(mode)))
                before, held = self._before(), frozenset[tuple[int, str]]()
                self._catalog_reader.begins()
                for statement in step:
                    with self._apart(step):
                        self._run(statement.text)
                        is_at_end = statement is step[-1]
                        if is_at_end:
                            # What COMMIT would check and fire, while it can still be seen and undone.
                            self._run("SET CONSTRAINTS ALL IMMEDIATE")
                    after = self._look()
                    self._refuse_server_wide(source, statement, after.server)
                    recorded.append(effect_of(statement, before, after, held))
                    before, held = after, after.locks
        except psycopg.Error as error:
            raise _failed(source, statement, error, step=step if is_at_end else ()) from error
        self._now = before
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
        """Runs a statement as the run does, a transaction each, until it returns no key."""
        before = self._before()
        locks: frozenset[tuple[int, str]] = frozenset()
        key: str | None = ""
        try:
            self._set("pgmigrate.batch_size", str(KEYS["pg_batch_rows"].default))
            while key is not None:
                self._set("pgmigrate.batch_after", key)
                with self.connection.transaction():
                    last = _last_key(migration, statement, self._run(statement.text))
                    locks |= self._locks(self.connection)
                    self._check_server(f"{migration.name}.sql", statement)
                if key and last == key:
                    raise _endless(migration, statement)
                key = last
        except psycopg.Error as error:
            raise _failed(f"{migration.name}.sql", statement, error) from error
        return self._after_all(statement, before, locks)

    def _record_outside(self, migration: Migration, statement: Statement) -> StatementEffect:
        before = self._before()
        try:
            locks = self._run_outside_transaction(statement)
        except psycopg.Error as error:
            raise _failed(f"{migration.name}.sql", statement, error) from error
        return self._after_all(statement, before, locks)

    def _after_all(self, statement: Statement, before: Scene, locks: frozenset[tuple[int, str]]) -> StatementEffect:
        self._catalog_reader.forgets()
        self._now = self._look()
        return effect_of(statement, before, replace(self._now, locks=locks), frozenset())

    def _run_outside_transaction(self, statement: Statement) -> frozenset[tuple[int, str]]:
        """Runs a statement such as CREATE INDEX CONCURRENTLY and watches its locks from outside.

        It would be over before anybody could look. So another session keeps an old snapshot and a read
        lock on each table: such statements wait for one or the other, and meanwhile show their locks.
        """
        with closing(session(self.conninfo)) as holder, ThreadPoolExecutor(max_workers=1) as pool:
            holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            for (table,) in holder.execute(library("migrations/record_tables")).fetchall():
                holder.execute(composed.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(composed.SQL(table)))
            holder.execute("SELECT 1")
            running = pool.submit(self._run, statement.text)
            try:
                held = self._locks_when_blocked(running)
                holder.execute("ROLLBACK")
                running.result()
            except BaseException:
                # Each would wait for the other for ever: the statement for the holder, the end of the pool for it.
                holder.close()
                self.connection.cancel_safe()
                raise
        return held

    def _locks_when_blocked(self, running: Future[Any]) -> frozenset[tuple[int, str]]:
        """Waits until the running statement is kept waiting, and returns its locks; none where it never is."""
        deadline = monotonic() + _PATIENCE_S
        while not running.done() and monotonic() < deadline:
            blocked = self.watcher.execute(
                "SELECT cardinality(pg_blocking_pids(%s)) > 0", [self.connection.info.backend_pid]
            ).fetchone()
            if blocked is not None and blocked[0]:
                # Only now: what is seen of a statement on its way would not be the same each time.
                return self._locks(self.watcher)
        return frozenset()

    def _check_verify(self, migration: Migration) -> None:
        if migration.verify is None:
            return
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION READ ONLY")
            try:
                cursor = self._run(migration.verify)
            except psycopg.Error as error:
                raise PgMigrateError(
                    Kind.FILE,
                    f"could not run {migration.name}.verify.sql: {error.diag.message_primary}",
                    detail="Found an error on the scratch database; expected a query that only reads.",
                    hint=f"Correct the query, then run: pgmigrate record {migration.name}",
                ) from error
            columns = [column.name for column in cursor.description or ()]
            problems = cursor.fetchall()
        if columns != ["object", "problem"] or problems:
            raise PgMigrateError(
                Kind.FILE,
                f"cannot use {migration.name}.verify.sql",
                detail=f"Found the columns {', '.join(columns)} and {len(problems)} rows on the scratch database; "
                "expected the columns object, problem and no row, right after the migration.",
                hint="Name the columns object and problem, and return one row a problem.",
            )


def _last_key(migration: Migration, statement: Statement, cursor: Any) -> str | None:
    """Returns the key that a batch ended with, as text; None where there was nothing more to do."""
    columns = [column.name for column in cursor.description or ()]
    if columns != ["last_key", "row_count"]:
        raise PgMigrateError(
            Kind.FILE,
            f"cannot run {migration.name}.sql, line {statement.line}, in batches",
            detail=f"Found the columns {', '.join(columns) or '(none)'}; expected last_key and row_count.",
            hint="End the statement with SELECT ... AS last_key, ... AS row_count; no key ends the batches.",
        )
    value = cursor.pgresult.get_value(0, 0) if cursor.pgresult.ntuples else None
    return None if value is None else bytes(value).decode()


def _endless(migration: Migration, statement: Statement) -> PgMigrateError:
    return PgMigrateError(
        Kind.FILE,
        f"cannot run {migration.name}.sql, line {statement.line}, in batches: they have no end",
        detail="Found the same last_key twice; expected a later one each time.",
        hint="Take only rows after current_setting('pgmigrate.batch_after', true), and return the last of them.",
    )


def _failed(
    source: str, statement: Statement, error: psycopg.Error, *, step: Sequence[Statement] = ()
) -> PgMigrateError:
    """Returns the refusal of a file that does not run.

    + step: given where all its statements ran and the end of their transaction failed
    """
    sqlstate, message = error.sqlstate or "", error.diag.message_primary or " ".join(str(error).split())
    found = f"statement {statement.number} ({statement.words})"
    if step:
        found = f"the end of the transaction of statements {step[0].number} to {step[-1].number}"
    hint = _CURES.get(sqlstate, "Correct the statement, or the baseline that it builds on, then run: pgmigrate record")
    if sqlstate == _NO_SUCH_OBJECT and message.startswith("role "):
        hint = (
            "Record on a server that has the role: pgmigrate record --server CONNINFO; or, for the embedded one, "
            "write CREATE ROLE into baseline.sql."
        )
    if sqlstate in _NO_SUCH_EXTENSION and statement.node == "create_extension_stmt":
        hint = "Record on a server that has the extension: pgmigrate record --server CONNINFO"
    return PgMigrateError(
        Kind.FILE,
        f"could not record {source}, line {statement.line}: {message}",
        detail=f"Found SQLSTATE {sqlstate or '(none)'} at {found}; expected it to run on the scratch database.",
        hint=hint,
    )


@contextmanager
def recorder(conninfo: str, *, is_throwaway: bool = False, tell: Tell) -> Iterator[Recorder]:
    """Yields a recorder on a scratch database, which is dropped at the end.

    + conninfo: of any database of the server; needs CREATEDB
    + is_throwaway: nobody else uses the server, and it is gone afterwards
    + tell: takes a line for people
    Raises PgMigrateError: unreadable or privilege, where the server does not make a scratch database.
    """
    with (
        scratch_database(conninfo, tell=tell) as scratch,
        closing(session(scratch)) as connection,
        closing(session(scratch)) as watcher,
    ):
        yield Recorder(connection, watcher, scratch, is_throwaway=is_throwaway)


def record_folder(
    folder: Path, conninfo: str, *, is_throwaway: bool = False, tell: Tell = lambda line: None
) -> dict[str, str]:
    """Returns the text of each migration's effect file, by file name, recorded on a scratch database.

    + conninfo, is_throwaway, tell: see ``recorder``
    Raises PgMigrateError: file, for what does not obey the rules or does not run; see ``recorder`` for others.
    """
    migrations = read_folder(folder)
    baseline = baseline_checksum(folder)
    texts: dict[str, str] = {}
    with recorder(conninfo, is_throwaway=is_throwaway, tell=tell) as recording:
        recording.run_baseline(folder)
        for place, migration in enumerate(migrations):
            base = expected_base(baseline, migrations[:place])
            texts[f"{migration.name}.effect"] = effects.render(migration.name, recording.record(migration, base=base))
    return texts
