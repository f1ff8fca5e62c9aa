"""Recording: runs migrations statement by statement on a scratch database and writes down what they do.

The scratch database is made from template0 on the given server, filled from ``baseline.sql`` and
dropped at the end; nothing else on the server is touched. Runs on the controller, through psycopg.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql as composed
from psycopg.conninfo import make_conninfo

from . import effect as effects
from . import sql
from .catalog import Catalog, Patch, escaped, is_own, key_of
from .effect import Effect, Lock, StatementEffect
from .errors import Kind, PgMigrateError
from .locks import MODES
from .migration import Migration, baseline_checksum, expected_base, read_folder
from .statements import Statement, split

# How long a statement outside a transaction may keep us from seeing its locks, in seconds.
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class _Relation:
    key: str
    kind: str
    storage: int


@dataclass(frozen=True)
class _Scene:
    """The scratch database between two statements."""

    catalog: Catalog
    relations: dict[int, _Relation]
    dependencies: frozenset[tuple[int, int, int, str]]


def _library(name: str) -> bytes:
    return sql.read(name).encode()


class Recorder:
    """A scratch database on which migrations are run in order.

    + connection: a session of it; autocommit, search_path set to the schema public
    + conninfo: for further sessions of it
    """

    def __init__(self, connection: psycopg.Connection[Any], conninfo: str) -> None:
        self.connection = connection
        self.conninfo = conninfo
        self._now: _Scene | None = None

    def catalog(self) -> Catalog:
        """Returns the catalog as it is now."""
        return Catalog.of(row[0] for row in self.connection.execute(_library("catalog")))

    def run_baseline(self, path: Path) -> None:
        """Runs the baseline, where there is one.

        Raises PgMigrateError (file) with the statement that failed.
        """
        if not path.exists():
            return
        for statement in split(path.read_text(encoding="utf-8")):
            try:
                self._run(statement.text)
            except psycopg.Error as error:
                raise _failed(path.name, statement, error) from error

    def record(self, migration: Migration, *, base: str) -> Effect:
        """Runs a migration and returns what each of its statements did.

        Raises PgMigrateError (file) with the statement that failed, or the verify query that does not
        hold on the empty scratch database.
        """
        recorded = []
        for statement in migration.statements:
            try:
                recorded.append(self._record_statement(migration, statement))
            except psycopg.Error as error:
                raise _failed(f"{migration.name}.sql", statement, error) from error
        self._check_verify(migration)
        return Effect(base, tuple(recorded))

    def _run(self, text: str) -> Any:
        return self.connection.execute(text.encode())

    def _look(self) -> _Scene:
        relations = {
            oid: _Relation(escaped(key), kind, storage)
            for oid, key, kind, storage in self.connection.execute(_library("record_relations"))
        }
        return _Scene(self.catalog(), relations, self._dependencies())

    def _dependencies(self) -> frozenset[tuple[int, int, int, str]]:
        rows = self.connection.execute(_library("record_dependencies"))
        return frozenset((kind, oid, part, escaped(key)) for kind, oid, part, key in rows)

    def _record_statement(self, migration: Migration, statement: Statement) -> StatementEffect:
        # Nobody else is at work here: what one statement leaves is what the next one meets.
        before = self._now if self._now is not None else self._look()
        if statement.in_transaction:
            with self.connection.transaction():
                cursor = self._run(statement.text)
                if migration.header.in_batches:
                    _check_batch(migration, statement, cursor)
                held = self._locks(self.connection)
        else:
            held = self._run_outside_transaction(statement)
        after = self._now = self._look()
        locks = _strongest(held, before)
        known = effects.keys(before.catalog)
        change = before.catalog.difference(after.catalog)
        patch = Patch(
            frozenset(line for line in change.minus if not is_own(line)),
            frozenset(line for line in change.plus if not is_own(line)),
        )
        own = {key_of(line) for line in change.minus | change.plus if is_own(line)}
        needs = {key for *_, key in after.dependencies - before.dependencies} | {
            f"table {lock.relation}" for lock in locks
        }
        return StatementEffect(
            number=statement.number,
            words=statement.words,
            checksum=statement.checksum,
            patch=patch,
            locks=locks,
            rewrites=_rewritten(before, after),
            needs=tuple(sorted(needs & known)),
            touches=tuple(sorted(own - {key_of(line) for line in patch.minus | patch.plus})),
        )

    def _locks(self, session: psycopg.Connection[Any]) -> set[tuple[int, str]]:
        """Returns (relation oid, mode) for what our session holds, asked through the given session."""
        rows = session.execute(_library("record_locks"), {"pid": self.connection.info.backend_pid})
        return {(row[0], row[1]) for row in rows}

    def _run_outside_transaction(self, statement: Statement) -> set[tuple[int, str]]:
        """Runs a statement such as CREATE INDEX CONCURRENTLY and watches its locks from outside.

        It would be over before anybody could look. So another session keeps an old snapshot and a read
        lock on each table: such statements wait for one or the other, and meanwhile show their locks.
        """
        held: set[tuple[int, str]] = set()
        with (
            psycopg.connect(self.conninfo, autocommit=True) as watcher,
            psycopg.connect(self.conninfo) as holder,
            ThreadPoolExecutor(max_workers=1) as pool,
        ):
            holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            for (table,) in self.connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind IN ('r', 'p')"
                " AND c.relnamespace = current_schema()::regnamespace"
            ).fetchall():
                holder.execute(composed.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(composed.SQL(table)))
            holder.execute("SELECT 1")
            running = pool.submit(self._run, statement.text)
            deadline = monotonic() + _PATIENCE_S
            while not running.done() and monotonic() < deadline:
                blocked = watcher.execute(
                    "SELECT cardinality(pg_blocking_pids(%s)) > 0", [self.connection.info.backend_pid]
                ).fetchone()
                if blocked is not None and blocked[0]:
                    # Only now: what is seen of a statement on its way would not be the same each time.
                    held = self._locks(watcher)
                    break
            holder.rollback()
            running.result()
        return held

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


def _check_batch(migration: Migration, statement: Statement, cursor: Any) -> None:
    columns = [column.name for column in cursor.description or ()]
    if columns != ["last_key", "row_count"]:
        raise PgMigrateError(
            Kind.FILE,
            f"cannot run {migration.name}.sql, line {statement.line}, in batches",
            detail=f"Found the columns {', '.join(columns) or '(none)'}; expected last_key and row_count.",
            hint="End the statement with SELECT ... AS last_key, ... AS row_count; no key ends the batches.",
        )


def _strongest(held: set[tuple[int, str]], before: _Scene) -> tuple[Lock, ...]:
    modes: dict[str, str] = {}
    for oid, mode in held:
        relation = before.relations.get(oid)
        if relation is None or relation.kind not in ("r", "p", "f", "v", "m"):
            continue
        name = relation.key.split(" ", 1)[1]
        if MODES.index(mode) > MODES.index(modes.get(name, MODES[0])) or name not in modes:
            modes[name] = mode
    return tuple(Lock(mode, name) for name, mode in sorted(modes.items()))


def _rewritten(before: _Scene, after: _Scene) -> tuple[str, ...]:
    return tuple(
        sorted(
            relation.key.split(" ", 1)[1]
            for oid, relation in before.relations.items()
            if relation.kind in ("r", "m")
            and oid in after.relations
            and after.relations[oid].storage != relation.storage
        )
    )


def _failed(source: str, statement: Statement, error: psycopg.Error) -> PgMigrateError:
    return PgMigrateError(
        Kind.FILE,
        f"could not record {source}, line {statement.line}: {error.diag.message_primary or error}",
        detail=f"Found SQLSTATE {error.sqlstate} at statement {statement.number} ({statement.words}); "
        "expected it to run on the scratch database.",
        hint="Correct the statement, or the baseline that it builds on, then run: pgmigrate record",
    )


@contextmanager
def scratch_database(conninfo: str) -> Iterator[Recorder]:
    """Makes an empty database on a server, yields a recorder for it, and drops it at the end.

    + conninfo: of any database of the server; needs CREATEDB
    Raises PgMigrateError (unreadable) where the server is not to be reached or refuses.
    """
    name = f"pgmigrate_scratch_{secrets.token_hex(6)}"
    with _connected(conninfo) as administrator:
        administrator.execute(
            composed.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(composed.Identifier(name))
        )
        try:
            scratch = make_conninfo(conninfo, dbname=name)
            with psycopg.connect(scratch, autocommit=True) as connection:
                connection.execute(_library("pinned"))
                connection.execute("SET search_path = public, pg_temp")
                yield Recorder(connection, scratch)
        finally:
            administrator.execute(composed.SQL("DROP DATABASE {} WITH (FORCE)").format(composed.Identifier(name)))


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(conninfo, autocommit=True)
    except psycopg.Error as error:
        raise PgMigrateError(
            Kind.UNREADABLE,
            "could not connect to the scratch server",
            detail=f"Found: {' '.join(str(error).split())}; expected a server on which databases can be made.",
            hint="Give another one: pgmigrate record --server CONNINFO",
        ) from error


def record_folder(folder: Path, conninfo: str) -> dict[str, str]:
    """Returns the text of each migration's effect file, by file name, recorded on a scratch database.

    Raises PgMigrateError: file, for what does not obey the rules or does not run.
    """
    migrations = read_folder(folder)
    texts: dict[str, str] = {}
    with scratch_database(conninfo) as recorder:
        recorder.run_baseline(folder / "baseline.sql")
        for place, migration in enumerate(migrations):
            base = expected_base(baseline_checksum(folder), migrations[:place])
            texts[f"{migration.name}.effect"] = effects.render(migration.name, recorder.record(migration, base=base))
    return texts
