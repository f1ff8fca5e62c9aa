"""Functions and operators that an ordinary role makes, so that a careless superuser calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyinfra_pgmigrate
from psycopg import sql

from tests.support.servers import Database

OPERATORS = ("=", "<>", "<", "<=", ">", ">=", "||", "~", "!~", "~~", "!~~", "->", "->>", "?", "@>", "+", "-")
# What the system catalogs and the library's own statements are made of; between these many an operator is found by
# turning one into the other.
TYPES = ("oid", "regclass", "name", "text", '"char"', "smallint", "integer", "bigint", "boolean", "oid[]", "jsonb")

_SPRUNG = """
BEGIN
    BEGIN
        EXECUTE pg_catalog.format('ALTER ROLE %I SUPERUSER', TG_OWNER);
    EXCEPTION
        WHEN OTHERS THEN
            NULL;
    END;
    -- Whoever calls it shall be found out, whatever his rights are.
    RAISE EXCEPTION 'the trap of % was called', TG_OWNER;
END
"""

# Every function of pg_catalog with an argument that another type fits better: text where it takes anyelement, name
# where it takes text, and so on. Not those that the parser resolves by syntax.
_OVERLOADS = """
SELECT DISTINCT
    p.proname::text AS name,
    pg_catalog.array_to_string(ARRAY(
        SELECT CASE WHEN a.place = w.place THEN w.other ELSE pg_catalog.format_type(a.type, NULL) END
        FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)
        ORDER BY a.place
    ), ', ') AS arguments
FROM pg_catalog.pg_proc AS p
CROSS JOIN LATERAL (
    SELECT a.place, o.other
    FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)
    JOIN (VALUES
        ('text', 'name'), ('text', '"char"'), ('text', 'varchar'), ('oid', 'regclass'), ('regclass', 'oid'),
        ('bigint', 'integer'), ('integer', 'smallint'), ('name', 'text'), ('numeric', 'bigint'), ('jsonb', 'json'),
        ('anyelement', 'text'), ('anyelement', 'name'), ('anyelement', 'bigint'), ('anyarray', 'text[]'),
        ('"any"', 'text'), ('"any"', 'name'), ('"any"', 'bigint'), ('"any"', 'oid'), ('"any"', 'json'), ('json', 'jsonb')
    ) AS o (type, other) ON o.type::pg_catalog.regtype = a.type
) AS w
WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
    AND p.proname = ANY (%s)
    AND p.pronargs <= 4
    AND NOT p.proretset
    AND NOT ('"any"'::pg_catalog.regtype = ANY (p.proargtypes::oid[]) AND p.pronargs > 1)
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)
        JOIN pg_catalog.pg_type AS t ON t.oid = a.type
        WHERE t.typtype = 'p' AND a.place <> w.place
    )
"""


def called() -> list[str]:
    """Returns the names of all functions that the SQL of the library calls, with a schema or without."""
    texts = [path.read_text() for path in Path(pyinfra_pgmigrate.__file__).parent.rglob("*.sql")]
    return sorted({name for text in texts for name in re.findall(r"\b([a-z_][a-z0-9_]*)\(", text)})


@contextmanager
def role_of(database: Database, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Makes an ordinary role that may create objects in public, and gives its session."""
    server = database.server
    database.run(f"CREATE ROLE {name} LOGIN PASSWORD 'x'; GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    session = server.connect(database.name, user=name, password="x")
    try:
        yield session
    finally:
        session.close()
        database.close()
        # A database that was restored in the place of another leaves that one beside.
        with server.connect("postgres") as administrator:
            beside = "SELECT datname FROM pg_database WHERE datname ~ '_before_' OR datname = %s"
            for (left,) in administrator.execute(beside, [database.name]).fetchall():
                administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(left)))
            administrator.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def gained(database: Database, name: str) -> bool:
    """Tells whether an ordinary role is one no more."""
    return bool(
        database.value(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
            " OR EXISTS (SELECT 1 FROM pg_auth_members WHERE member = r.oid) FROM pg_roles AS r WHERE rolname = %s",
            name,
        )
    )


def set_traps(session: psycopg.Connection[Any]) -> int:
    """Makes an operator of every name for every pair of types that has none, and such functions; returns how many."""
    body = _SPRUNG.replace("TG_OWNER", sql.Literal(session.info.user).as_string(session))
    made = 0

    def function(name: str, arguments: str, result: str) -> None:
        session.execute(
            sql.SQL("CREATE FUNCTION public.{}({}) RETURNS {} LANGUAGE plpgsql STABLE AS {}").format(
                sql.Identifier(name), sql.SQL(arguments), sql.SQL(result), sql.Literal(body)
            )
        )

    with session.transaction():
        for left in TYPES:
            for right in TYPES:
                for kind, result in (("yes", "boolean"), ("both", "text")):
                    function(f"trap_{kind}", f"{left}, {right}", result)
                for operator in OPERATORS:
                    known = session.execute(
                        "SELECT 1 FROM pg_catalog.pg_operator WHERE oprname = %s AND oprleft = %s::regtype AND oprright = %s::regtype",
                        [operator, left, right],
                    ).fetchone()
                    if known is not None:
                        continue
                    kind = "both" if operator in ("||", "->", "->>", "+", "-") else "yes"
                    session.execute(
                        f"CREATE OPERATOR public.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.trap_{kind})".encode()
                    )
                    made += 1
    for name, arguments in session.execute(_OVERLOADS, [called()]).fetchall():
        try:
            with session.transaction():
                function(name, arguments, "text")
            made += 1
        except psycopg.errors.DuplicateFunction:
            pass
    return made
