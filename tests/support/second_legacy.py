"""A second legacy database: the application of sql/baseline.sql as somebody else would have written it, with rows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from tests.support.servers import Database, Server

STRUCTURE = Path(__file__).with_name("second_legacy.sql")
ROWS = Path(__file__).with_name("second_legacy_rows.sql")
OWNER, PLATFORM = "hosted_owner", ("hosted_anon", "hosted_user", "hosted_service")


@dataclass(frozen=True)
class SecondLegacy:
    """A database of the second application.

    + owner: of all its objects, no superuser; password: of that role
    """

    database: Database
    owner: str
    password: str

    def as_owner(self, **more: Any) -> dict[str, Any]:
        """Returns settings with which the library connects as the owner."""
        return self.database.settings(**{"pg_user": self.owner, "pg_password": self.password, **more})


@contextmanager
def second_legacy(server: Server) -> Iterator[SecondLegacy]:
    """Makes such a database with roles of its own, and drops both at the end."""
    suffix, password = secrets.token_hex(3), secrets.token_urlsafe(9)
    names = {role: f"{role}_{suffix}" for role in (OWNER, *PLATFORM)}
    text = STRUCTURE.read_text()
    for role, name in names.items():
        text = text.replace(role, name)
    with server.connect("postgres") as administrator:
        for role, name in names.items():
            options = "LOGIN CREATEDB PASSWORD {}" if role == OWNER else "NOLOGIN"
            statement = sql.SQL("CREATE ROLE {} " + options)
            administrator.execute(statement.format(sql.Identifier(name), *[sql.Literal(password)][: role == OWNER]))
    try:
        with server.database("empty") as database:
            server.administer("ALTER DATABASE {} OWNER TO {}", database.name, names[OWNER])
            with server.connect(database.name) as connection:
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(names[OWNER])))
                connection.execute(text.encode())
                connection.execute(ROWS.read_bytes())
                connection.execute("ANALYZE")
            yield SecondLegacy(database, names[OWNER], password)
    finally:
        for name in names.values():
            server.administer("DROP ROLE {}", name)


def columns_of(database: Database) -> dict[str, list[str]]:
    """Returns the columns of each table by its name, both as SQL writes them."""
    found: dict[str, list[str]] = {}
    for table, column in database.rows(
        "SELECT format('%%I.%%I', n.nspname, c.relname), quote_ident(a.attname) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'm') AND n.nspname IN ('public', 'billing') AND a.attnum > 0 AND NOT a.attisdropped"
        " AND c.relname <> %s ORDER BY 1, a.attnum",
        "project_variants",
    ):
        found.setdefault(table, []).append(column)
    return found


def hashes_of(database: Database, columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Returns a hash of all rows of each table, over these columns."""
    return {
        table: database.value(
            f"SELECT count(*) || ' ' || md5(coalesce(string_agg(r.row, E'\\n' ORDER BY r.row COLLATE \"C\"), ''))"
            f" FROM (SELECT ROW({', '.join(names)})::text AS row FROM ONLY {table}) AS r"
        )
        for table, names in columns.items()
    }
