"""Servers and databases for the tests, whichever way they run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import legacy_data
import psycopg
from psycopg import sql
from pyinfra_pgmigrate.catalog.lines import Catalog, is_own
from pyinfra_pgmigrate.catalog.queries import catalog_query
from pyinfra_pgmigrate.resources import read_sql

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"

# All that is pending runs in one session; see the fixture ``one_by_one``.
BATCH_FROM = 2


def _look_as_the_library(connection: psycopg.Connection[Any], schema: str) -> None:
    connection.execute(read_sql("psql/pinned").encode())
    connection.execute(sql.SQL("SET search_path = {}, pg_temp").format(sql.Identifier(schema)))


@dataclass
class Server:
    """A server of one PostgreSQL version.

    + conninfo: of a superuser, without a database
    + bin_dir: programs on this machine to reach it with
    """

    version: int
    conninfo: dict[str, Any]
    bin_dir: Path
    templates: dict[str, str] = field(default_factory=dict)

    def connect(self, database: str, **parameters: Any) -> psycopg.Connection[Any]:
        """Returns a session in autocommit."""
        return psycopg.connect(**{**self.conninfo, "dbname": database, **parameters}, autocommit=True)

    def administer(self, text: str, *names: str) -> None:
        """Runs a statement on the server; ``{}`` stands for a name."""
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))

    def minor(self) -> str:
        """Returns its version with the minor number."""
        with self.connect("postgres") as connection:
            return str(connection.info.parameter_status("server_version")).split()[0]

    def template(self, kind: str) -> str:
        """Returns a database to make others from: "legacy" (structure and some rows) or "empty"."""
        if kind not in self.templates:
            name = f"template_{kind}"
            self.administer("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name)
            if kind == "legacy":
                with self.connect(name) as connection:
                    connection.execute(legacy_data.BASELINE.read_bytes())
                    legacy_data.fill(connection, legacy_data.Size(projects=40))
                    connection.execute("ANALYZE")
            self.templates[kind] = name
        return self.templates[kind]

    @contextmanager
    def database(self, kind: str = "legacy") -> Iterator[Database]:
        """Makes a database of a kind and drops it at the end."""
        name = f"test_{secrets.token_hex(4)}"
        self.administer("CREATE DATABASE {} TEMPLATE {}", name, self.template(kind))
        database = Database(self, name)
        try:
            yield database
        finally:
            database.close()
            self.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@dataclass
class Database:
    """One database of a server, with a session to look at it."""

    server: Server
    name: str
    _session: psycopg.Connection[Any] | None = None

    @property
    def session(self) -> psycopg.Connection[Any]:
        """A session in autocommit, opened when first used."""
        if self._session is None or self._session.closed:
            self._session = self.server.connect(self.name)
        return self._session

    def close(self) -> None:
        """Ends the session."""
        if self._session is not None:
            self._session.close()

    def run(self, text: str) -> None:
        """Runs SQL, any number of statements."""
        self.session.execute(text.encode())

    def rows(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Returns the rows of a query."""
        return self.session.execute(text.encode(), parameters or None).fetchall()

    def value(self, text: str, *parameters: Any) -> Any:
        """Returns the one value of a query."""
        ((found,),) = self.rows(text, *parameters)
        return found

    def catalog(self, schema: str = "public") -> Catalog:
        """Returns the catalog, as the library reads it."""
        with self.server.connect(self.name) as connection:
            _look_as_the_library(connection, schema)
            return Catalog.of(row[0] for row in connection.execute(catalog_query().encode()))

    def fingerprint(self, schema: str = "public") -> str:
        """Returns the fingerprint of the catalog, as the library reads it."""
        with self.server.connect(self.name) as connection:
            _look_as_the_library(connection, schema)
            row = connection.execute(read_sql("catalog/fingerprint").encode()).fetchone()
        assert row is not None
        return str(row[0])

    def structure(self) -> frozenset[str]:
        """Returns the lines of the catalog that do not belong to this database alone."""
        return frozenset(line for line in self.catalog().lines if not is_own(line))

    def settings(self, **more: Any) -> dict[str, Any]:
        """Returns host data for @local with which the library reaches this database."""
        conninfo = self.server.conninfo
        data = {
            "pg_database": self.name,
            "pg_host": conninfo["host"],
            "pg_port": conninfo["port"],
            "pg_user": conninfo["user"],
            "pg_password": conninfo.get("password"),
            "pg_bin_dir": str(self.server.bin_dir),
            "pg_sql_dir": str(SQL),
            # Tests of backups say False.
            "pg_skip_backup": True,
            # Tests of reports say True.
            "pg_report": False,
            # Tests of queries say "changes".
            "pg_measure": "never",
            "pg_batch_from": BATCH_FROM,
        }
        return {name: value for name, value in {**data, **more}.items() if value is not None}
