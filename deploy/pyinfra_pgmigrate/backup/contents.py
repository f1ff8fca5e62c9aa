"""What is in a database, counted and hashed: the scripts that ask, and their answers. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..application.totals import Answers, Total, answers_of, as_json, totals_asked, totals_of
from ..catalog.lines import LINES_VERSION, Catalog, key_of, parts_of
from ..psql.answer import Answer
from ..psql.script import READS_UNCHECKED, Run, catalog_read, flag, joined, session_of, setting
from ..resources import read_sql
from .manifest import json_line

# Since then the columns of a table that inherits from others are hashed by their names: a restore gives them another
# order. What an earlier version says of such a table cannot be compared.
_CHILDREN_BY_NAME = 3
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def dump_script(run: Run, schema: str, totals: Sequence[Total] = ()) -> str:
    """Returns the script that holds the snapshot of a backup, and counts and hashes what is in it.

    + totals: asked in the same snapshot
    """
    return joined(
        [
            *session_of(run, schema, "backup"),
            read_sql("psql/reading"),
            read_sql("backup/snapshot"),
            catalog_read(of_all=True),
            read_sql("backup/about"),
            setting("target", ""),
            read_sql("registry/identity"),
            read_sql("backup/history"),
            *_all_contents(),
            *totals_asked(totals),
            read_sql("backup/snapshot_end"),
        ]
    )


def contents_script(run: Run, schema: str) -> str:
    """Returns the script that counts and hashes what is in a database; it changes nothing."""
    return joined(
        [
            *session_of(run, schema, "compare"),
            # Of a copy: nobody else has anything there, or the operator allowed more.
            READS_UNCHECKED,
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            catalog_read(of_all=True),
            read_sql("backup/about"),
            *_all_contents(),
            "ROLLBACK;",
        ]
    )


def _all_contents() -> list[str]:
    return [setting("known", ""), setting("a_transaction_each", flag(False)), read_sql("backup/contents")]


def about_script(run: Run, schema: str) -> str:
    """Returns the script that tells what a backup says of its database, but for its rows."""
    return joined(
        [
            *session_of(run, schema, "about"),
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            catalog_read(of_all=True),
            read_sql("backup/about"),
            "ROLLBACK;",
        ]
    )


def contents_of(answer: Answer) -> Contents:
    """Returns what was in a database, as contents.sql told. Raises ValueError where it did not."""
    about = answer.value("database")
    if about is None:
        raise ValueError("no answer")
    return Contents(
        tables=tables_of(answer),
        large_objects=about["large_objects"],
        catalog=Catalog.of(answer.value("catalog")),
        applied=tuple((version, checksum) for version, checksum in about["applied"]),
        properties=about["properties"],
        totals=totals_of(answer),
        schema=about["schema"],
        applied_in=_applied_in(about["applied_in"]),
    )


def _applied_in(found: Mapping[str, Any]) -> dict[str, tuple[tuple[int, str], ...]]:
    return {schema: tuple((version, checksum) for version, checksum in rows) for schema, rows in found.items()}


def tables_of(answer: Answer) -> dict[str, tuple[int, str]]:
    """Returns rows and content hash by table, as contents.sql told."""
    return {table: (rows, digest) for table, rows, digest in answer.values("table")}


@dataclass(frozen=True)
class Contents:
    """What was in a database at one moment.

    + tables: rows and content hash by table; an empty hash is not known
    + large_objects: how many
    + totals: answers by name of the total; none of a backup that an earlier version took
    + lines_version: of the form of the catalog's lines
    + schema: the one that its lines leave out; empty: of a backup that an earlier version took
    + applied_in: applied, by schema, where they have migrations of their own
    """

    tables: Mapping[str, tuple[int, str]]
    large_objects: int
    catalog: Catalog
    applied: tuple[tuple[int, str], ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    totals: Mapping[str, Answers] = field(default_factory=dict)
    lines_version: int = LINES_VERSION
    schema: str = ""
    applied_in: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)

    def text(self) -> str:
        """Returns all but the catalog as one line of JSON."""
        return json_line(
            {
                "tables": self.tables,
                "large_objects": self.large_objects,
                "applied": self.applied,
                "properties": self.properties,
                "totals": {name: as_json(answers) for name, answers in self.totals.items()},
                "lines_version": self.lines_version,
                "schema": self.schema,
                "applied_in": self.applied_in,
            }
        )


def read_contents(contents: str, catalog: str) -> Contents:
    """Returns the contents that two files of a backup hold.

    Raises ValueError where they cannot be read.
    """
    try:
        values, lines = json.loads(contents), Catalog.of(json.loads(catalog))
        schema, version = values.get("schema", ""), values.get("lines_version", 1)
        unknown = frozenset() if version >= _CHILDREN_BY_NAME else _children(lines, schema)
        return Contents(
            {name: (rows, "" if name in unknown else digest) for name, (rows, digest) in values["tables"].items()},
            values["large_objects"],
            lines,
            tuple((version, checksum) for version, checksum in values["applied"]),
            values["properties"],
            {name: answers_of(found) for name, found in values.get("totals", {}).items()},
            version,
            schema,
            _applied_in(values.get("applied_in", {})),
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"contents.json or catalog.json cannot be read: {error!r}") from error


def _children(lines: Catalog, schema: str) -> frozenset[str]:
    """Returns the tables that inherit from others, as contents.sql calls them."""
    children = [key_of(line) for line in lines.lines if line.startswith("table ") and " inherits (" in line]
    names = [one.removeprefix("table ") for one in children]
    return frozenset(one if parts_of(one)[0] else f"{_quoted(schema)}.{one}" for one in names)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return name if _PLAIN.fullmatch(name) else f'"{doubled}"'


def are_same_rows(was: tuple[int, str] | None, now: tuple[int, str] | None) -> bool:
    """Tells whether a table holds the same rows, by their number and their hash, where that is known."""
    if was is None or now is None or was[1]:
        return was == now
    return was[0] == now[0]


def identifiers(ident: str) -> tuple[str, str]:
    """Returns schema and name of a table from what SQL would write.

    >>> identifiers('public."Two Words"')
    ('public', 'Two Words')
    """
    words = re.findall(r'"(?:[^"]|"")*"|[^.]+', ident)
    schema, name = (word[1:-1].replace('""', '"') if word.startswith('"') else word for word in words)
    return schema, name
