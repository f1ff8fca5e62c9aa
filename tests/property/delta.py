"""Statement after statement in one transaction: what was read of the catalog in part is what is read as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from pyinfra_pgmigrate.catalog.delta import CatalogReader, Reading
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.catalog.queries import Query, catalog_query
from pyinfra_pgmigrate.migrations.scene import Surroundings
from pyinfra_pgmigrate.resources import read_sql


class CountingReader(CatalogReader):
    """Counts how often it had to read everything."""

    wholes = 0

    def whole(self) -> Reading:
        """Reads all of the catalog."""
        self.wholes += 1
        return super().whole()


@dataclass
class Compared:
    """What came of many statements.

    + statements: that ran; wholes: how often all was read for them
    + differing: statement, and the lines that are wrong
    """

    statements: int = 0
    wholes: int = 0
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.statements} statements, {self.wholes} times all was read, {len(self.differing)} differences"


def compare(session: psycopg.Connection[Any], statements: Iterable[str], found: Compared) -> None:
    """Runs statements, those that fail left out, and compares after each; nothing of them stays."""
    prepared: set[str] = set()

    def execute(query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        name = sql.Identifier(f"own_{query.name}")
        if query.name not in prepared:
            prepared.add(query.name)
            types = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.SQL, query.types)))
            form = sql.SQL("PREPARE {} {} AS {}")
            session.execute(form.format(name, types if query.types else sql.SQL(""), sql.SQL(query.text)))
        places = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values)))
        run = sql.SQL("EXECUTE {} {}").format(name, places if values else sql.SQL(""))
        return session.execute(run).fetchall()

    reader, known = CountingReader(execute), Surroundings(execute)
    with session.transaction(force_rollback=True):
        _pin(session)
        reader.begins()
        reader.after()
        reader.wholes = 0
        for text in statements:
            try:
                with session.transaction():
                    session.execute(text.encode())
            except psycopg.Error:
                continue
            with session.transaction(force_rollback=True):
                _pin(session)
                before = set(reader.catalog.lines)
                reading = reader.after()
                part = set(reader.catalog.lines)
                assert reading.patch == Patch(frozenset(before - part), frozenset(part - before))
                anew = Surroundings(execute)
                anew.update(Reading(Patch(), is_whole=True))
                whole = {row[0] for row in session.execute(catalog_query().encode()).fetchall()}
                known.update(reading)
                part |= _lines_of(known)
                whole |= _lines_of(anew)
            found.statements += 1
            if part != whole:
                wrong = [f"- {line}" for line in sorted(whole - part)] + [f"+ {line}" for line in sorted(part - whole)]
                found.differing.append("\n".join([text, *wrong]))
                reader.forgets()
        found.wholes += reader.wholes


def _lines_of(found: Surroundings) -> set[str]:
    """Returns what recording knows besides the catalog as lines."""
    return {
        *(f"relation {oid} {one}" for oid, one in found.relations.items()),
        *(f"dependency on {oid} {one}" for oid, rows in found.dependencies.items() for one in rows),
    }


def _pin(session: psycopg.Connection[Any]) -> None:
    session.execute(read_sql("psql/pinned").encode())
    session.execute("RESET ROLE")
    session.execute("SET search_path = public, pg_temp")
    session.execute("SET plan_cache_mode = force_generic_plan")
