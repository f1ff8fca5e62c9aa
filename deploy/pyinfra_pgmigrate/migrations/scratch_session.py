"""A session on the scratch database that is looked at between two statements. On the controller, through psycopg."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql as composed

from ..catalog.delta import NOTHING, CatalogReader, FrugalReader
from ..catalog.lines import Catalog
from ..catalog.queries import Query
from ..errors import Kind, PgMigrateError
from ..resources import read_sql
from ..sqltext.parser import Statement
from .effect import StatementEffect
from .files import BaselineNames, Migration
from .scene import Seen, Server, Surroundings, dated, effect_of
from .scratch import pinned, session
from .script import another_day, server_wide

# pyinfra's operation, by what belongs to the server.
_OPERATIONS = {"role": "postgres.role", "database": "postgres.database"}

# Catalogs that all databases of a server share: record_server.sql reads them.
_SHARED = (
    "pg_authid", "pg_auth_members", "pg_database", "pg_db_role_setting", "pg_tablespace", "pg_parameter_acl",
    "pg_shdescription", "pg_shseclabel",
)  # fmt: skip

_LOCKS = Query("locks", ("integer",), read_sql("migrations/record_locks").replace("%(pid)s", "$1"))

# How long a statement outside a transaction may keep us from seeing its locks, in seconds.
_PATIENCE_S = 60.0


class _Prepared:
    """Queries of the library in a session, each planned once, as planning takes longer than running."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        # No statement of a migration can know it.
        self._ending = f"_{secrets.token_hex(8)}"
        # None: something was run that may have taken ours away.
        self._names: set[str] | None = None

    def run(self, query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Runs a query with its values, and returns the rows."""
        own = f"{query.name}{self._ending}"
        name = composed.Identifier(own)
        if self._names is None:
            self._names = self._found()
        if own not in self._names:
            types = composed.SQL(", ").join(map(composed.SQL, query.types))
            heading = composed.SQL("PREPARE {} ({}) AS {}") if query.types else composed.SQL("PREPARE {}{} AS {}")
            self._connection.execute(heading.format(name, types, composed.SQL(query.text)))
            self._names.add(own)
        places = composed.SQL(", ").join(map(composed.Literal, values))
        run = composed.SQL("EXECUTE {} ({})") if values else composed.SQL("EXECUTE {}{}")
        if query.reads_all:
            # See record_planned.sql; what takes it back ends with the transaction of the look.
            self._connection.execute("SET LOCAL enable_seqscan = on")
        rows = self._connection.execute(run.format(name, places)).fetchall()
        if query.reads_all:
            self._connection.execute("SET LOCAL enable_seqscan = off")
        return rows

    def doubt(self) -> None:
        """Says that something was run that may have taken them away."""
        self._names = None

    def drop_others(self) -> None:
        """Drops what statements of a migration have prepared."""
        for name in self._found() if self._names is None else self._names:
            if not name.endswith(self._ending):
                self._connection.execute(composed.SQL("DEALLOCATE {}").format(composed.Identifier(name)))
                self.doubt()

    def _found(self) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM pg_catalog.pg_prepared_statements")}


class ScratchSession:
    """A session of the scratch database, and another that looks from outside.

    + connection: runs statements, in autocommit; ``watcher``: looks from outside
    + conninfo: for further sessions of it
    + is_throwaway: the server is thrown away with it, so that the baseline may make roles there
    + trusts_counts: see ``CatalogReader``
    + names: where names without a schema are found
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        watcher: psycopg.Connection[Any],
        conninfo: str,
        *,
        is_throwaway: bool,
        trusts_counts: bool = True,
    ) -> None:
        self.connection = connection
        self.watcher = watcher
        self.conninfo = conninfo
        self.is_throwaway = is_throwaway
        self.names = BaselineNames()
        self._has_looked = False
        self._prepared = _Prepared(connection)
        self._trusts_counts = trusts_counts
        self._reader: CatalogReader | None = None
        self._surroundings = Surroundings(self._prepared.run)
        self._server = self._read_server(watcher)
        ((self._today,),) = watcher.execute("SELECT pg_catalog.timezone('UTC', pg_catalog.now())::date")
        self._has_begun = False

    def catalog(self) -> Catalog:
        """Returns the catalog as it is now, all of it read."""
        with self._aside():
            self._catalog_reader.whole()
            return self._catalog_reader.catalog

    @property
    def followed(self) -> Catalog | None:
        """The catalog by what each statement was seen to write; None where it was not looked at."""
        return self._catalog_reader.catalog if self._has_looked else None

    @property
    def _catalog_reader(self) -> CatalogReader:
        if self._reader is None:
            self._reader = FrugalReader(self._prepared.run, trusts_counts=self._trusts_counts)
        return self._reader

    def _as_new(self) -> None:
        """Makes the session as new for another file, but for what the library has prepared itself, and pins it."""
        self.connection.execute(pinned(self.names.schema, *self.names.search_path, discards=True))
        self._prepared.drop_others()

    def _pin(self) -> None:
        """Sets the session to what statements of a migration find at their beginning."""
        self.connection.execute(pinned(self.names.schema, *self.names.search_path))

    def _check_schema(self, source: str, statement: Statement) -> None:
        """Refuses a statement where the schema of names without one is not there.

        CREATE TABLE would make a temporary table: pg_temp is the next one in search_path.
        """
        name = self.names.schema
        query = "SELECT pg_catalog.to_regnamespace(pg_catalog.quote_ident(%s)) IS NOT NULL"
        if statement.node == "create_schema_stmt" or self.connection.execute(query, [name]).fetchone() == (True,):
            return
        raise PgMigrateError(
            Kind.FILE,
            f'could not record {source}, line {statement.line}: there is no schema "{name}"',
            detail=f'Found no schema "{name}" on the scratch database; expected it, as names without a schema mean it.',
            hint="Create it in baseline.sql; another one is named there by: -- schema: NAME",
        )

    def _run(self, text: str | bytes) -> Any:
        self._prepared.doubt()
        return self.connection.execute(text.encode() if isinstance(text, str) else text)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Lets us look in the pinned environment, within a migration's transaction, and leaves no trace.

        A savepoint that is rolled back gives back the locks of our own reading, and what the migration has set.
        """
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(pinned(self.names.schema, planned_once=True))
            yield

    def _look(self) -> Seen:
        with self._aside():
            # Before anything else is read: reading locks, too.
            locks = self._own_locks()
            reading = self._catalog_reader.after()
            relations, dependencies = self._surroundings.update(reading)
            self._has_looked = True
            server = self._server
            # On a server that stays nothing is left to what it has counted.
            if not self.is_throwaway or self._catalog_reader.may_have_written(_SHARED):
                server = self._read_server(self.connection)
            return Seen(reading.patch, relations, dependencies, locks, server, reading is NOTHING)

    def _look_before(self) -> None:
        # Nobody else is at work here: what one step leaves is what the next one meets.
        if not self._has_looked:
            self._look()

    def _effect(
        self, source: str, statement: Statement, seen: Seen, held: frozenset[tuple[int, str]]
    ) -> StatementEffect:
        effect = effect_of(statement, seen, self._surroundings, self._catalog_reader.keys, held)
        if found := dated(statement, effect, self._today):
            raise another_day(source, statement, *found)
        return effect

    def _set(self, name: str, value: str) -> None:
        self.connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])

    def _read_server(self, session: psycopg.Connection[Any]) -> Server:
        return frozenset(tuple(row) for row in session.execute(library("migrations/record_server")))

    def check_whole_server(self, folder: Path) -> None:
        """Refuses a history that has changed what belongs to the whole server, though no statement was seen to."""
        # Where nobody else is at work.
        if self.is_throwaway and self._has_begun and (changed := self._server ^ self._read_server(self.watcher)):
            raise changes_server(folder, min(changed))

    def _check_server(self, source: str, statement: Statement) -> None:
        with self._aside():
            found = self._read_server(self.connection)
        self._refuse_server_wide(source, statement, found)

    def _refuse_server_wide(self, source: str, statement: Statement, found: Server) -> None:
        """Refuses a statement that has changed what belongs to the whole server, while that can be rolled back.

        + found: as its transaction sees it
        """
        own = self._only_inside(found)
        # What others make and drop between two looks is there in one pair of them, not in three.
        for _ in range(2):
            if not own:
                return
            with self._aside():
                own &= self._only_inside(self._read_server(self.connection))
        if own:
            kind, name, _ = min(own)
            operation = _OPERATIONS.get(kind, "postgres.sql")
            raise server_wide(source, statement, f'that it changes the {kind} "{name}"', operation)

    def _only_inside(self, found: Server) -> Server:
        """Returns what the transaction has changed: nobody outside sees it yet, now as little as before."""
        if found == self._server:
            return frozenset()
        before, self._server = self._server, self._read_server(self.watcher)
        return (found - self._server - before) | ((self._server & before) - found)

    def _locks(self, session: psycopg.Connection[Any]) -> frozenset[tuple[int, str]]:
        """Returns (relation oid, mode) for what our session holds, asked through the given session."""
        rows = session.execute(library("migrations/record_locks"), {"pid": self.connection.info.backend_pid})
        return frozenset((row[0], row[1]) for row in rows)

    def _own_locks(self) -> frozenset[tuple[int, str]]:
        """Returns the same, asked in a look."""
        rows = self._prepared.run(_LOCKS, [self.connection.info.backend_pid])
        return frozenset((row[0], row[1]) for row in rows)

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


def library(name: str) -> bytes:
    """Returns the text of an SQL file of the library, as psycopg takes it."""
    return read_sql(name).encode()


def changes_server(folder: Path, changed: tuple[str, str, str]) -> PgMigrateError:
    """Returns the refusal of a history in which something has changed what belongs to the whole server."""
    kind, name, _ = changed
    return PgMigrateError(
        Kind.FILE,
        f"could not record {folder}: what belongs to the whole server is no part of a migration",
        detail=f'Found the {kind} "{name}" changed after all migrations; expected it as it was. The server has counted '
        "no row for it: a function has track_counts off.",
        hint=f"Leave it to pyinfra ({_OPERATIONS.get(kind, 'postgres.sql')}), and that setting out.",
    )


def last_key(migration: Migration, statement: Statement, cursor: Any) -> str | None:
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


def said(error: psycopg.Error) -> tuple[str, str]:
    """Returns SQLSTATE and message of an error; no SQLSTATE where it is not the server's."""
    return error.sqlstate or "", error.diag.message_primary or " ".join(str(error).split())
