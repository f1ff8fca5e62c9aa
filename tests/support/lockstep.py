"""The same statements on servers of several versions, in step: which lines each of them changes on which version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import postgast
import psycopg
from pyinfra_pgmigrate.catalog.lines import Patch, is_own
from pyinfra_pgmigrate.catalog.queries import catalog_query
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.sqltext.grammar import SqlSyntaxError
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support.servers import Database

# Statements that change no structure, or that a session of its own needs, by the name that the grammar gives them.
_NO_STRUCTURE = frozenset({
    "select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "explain_stmt", "copy_stmt", "vacuum_stmt",
    "transaction_stmt", "variable_set_stmt", "variable_show_stmt", "prepare_stmt", "execute_stmt", "deallocate_stmt",
    "declare_cursor_stmt", "fetch_stmt", "close_portal_stmt", "listen_stmt", "notify_stmt", "unlisten_stmt", "lock_stmt",
    "discard_stmt", "check_point_stmt", "load_stmt", "truncate_stmt", "constraints_set_stmt", "call_stmt",
    "refresh_mat_view_stmt", "cluster_stmt", "reindex_stmt",
})  # fmt: skip
# Of the whole server, or of this session alone.
_ELSEWHERE = re.compile(
    r"\b(TABLESPACE|SUBSCRIPTION|DATABASE|SYSTEM|TEMP(ORARY)?)\b|pg_temp|\bROLE\b|\b(CREATE|ALTER|DROP) (USER|GROUP)\b",
    re.IGNORECASE,
)


@dataclass
class Found:
    """What came of many statements.

    + ran: how many ran on all versions; structural: how many of these are DDL
    + differing: statement and lines that are not those of the first version, by version
    + silent: DDL that ran and changed no line
    """

    ran: int = 0
    structural: int = 0
    differing: list[tuple[str, dict[int, list[str]]]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


@contextmanager
def sessions_of(databases: Mapping[int, Database]) -> Iterator[dict[int, psycopg.Connection[tuple[object, ...]]]]:
    """Gives a session of each database that prints as the library does."""
    with ExitStack() as stack:
        found = {}
        for version, database in databases.items():
            session = stack.enter_context(database.server.connect(database.name))
            session.execute(read_sql("psql/pinned").encode())
            session.execute("SET search_path = public, pg_temp")
            session.execute("SET statement_timeout = '20s'")
            session.execute("BEGIN")
            found[version] = session
        yield found


def lines_of(session: psycopg.Connection[tuple[object, ...]]) -> frozenset[str]:
    """Returns the lines that do not belong to one database."""
    rows = session.execute(catalog_query().encode()).fetchall()
    return frozenset(str(line) for line, *_ in rows if not is_own(str(line)))


def own_lines_of(session: psycopg.Connection[tuple[object, ...]]) -> frozenset[str]:
    """Returns all lines."""
    return frozenset(str(line) for line, *_ in session.execute(catalog_query().encode()).fetchall())


def statements_of(text: str) -> list[str]:
    """Returns the statements of a script; those of psql, and what the grammar does not know, are left out."""
    plain = "\n".join(line for line in text.split("\n") if not line.startswith("\\"))
    plain = re.sub(r"\\(gset|gexec|crosstabview|g)\b[^\n]*", ";", plain)
    try:
        return [one.text for one in split(plain)]
    except (SqlSyntaxError, ValueError):
        found = []
        for piece in re.split(r";[ \t]*(?:--[^\n]*)?\n", plain):
            try:
                found += [one.text for one in split(piece)]
            except (SqlSyntaxError, ValueError):
                continue
        return found


def kind_of(text: str) -> str:
    """Returns the kind of a statement, by the name that the grammar gives it."""
    try:
        return str(postgast.parse(text).stmts[0].stmt.WhichOneof("node"))
    except (postgast.PgQueryError, IndexError):
        return "select_stmt"


def run_in_step(
    sessions: Mapping[int, psycopg.Connection[tuple[object, ...]]], statements: list[str], found: Found
) -> None:
    """Runs statements, each on all versions or on none, and notes what their lines say."""
    before = {version: own_lines_of(session) for version, session in sessions.items()}
    first = next(iter(sessions))
    for text in statements:
        kind = kind_of(text)
        if kind in ("transaction_stmt", "variable_set_stmt", "discard_stmt", "copy_stmt") or _ELSEWHERE.search(text):
            continue
        if not _ran(sessions, text):
            continue
        found.ran += 1
        if kind in _NO_STRUCTURE:
            continue
        found.structural += 1
        after = {version: own_lines_of(session) for version, session in sessions.items()}
        patches = {
            version: Patch(before[version] - after[version], after[version] - before[version]) for version in sessions
        }
        shared = {
            version: [line for line in patch.render() if not is_own(line[2:])] for version, patch in patches.items()
        }
        others = {version: lines for version, lines in shared.items() if lines != shared[first]}
        if others:
            found.differing.append((text, {first: shared[first], **others}))
        if not patches[first]:
            found.silent.append(text)
        before = after


def _ran(sessions: Mapping[int, psycopg.Connection[tuple[object, ...]]], text: str) -> bool:
    well = True
    for session in sessions.values():
        session.execute("SAVEPOINT one")
    for session in sessions.values():
        try:
            session.execute(text.encode())
        except psycopg.Error:
            well = False
            break
    for session in sessions.values():
        session.execute("RELEASE SAVEPOINT one" if well else "ROLLBACK TO SAVEPOINT one")
    return well
