"""The queries that read the catalog of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..resources import read_sql


@dataclass(frozen=True)
class Query:
    """A query of the library that is run again and again, with places $1, $2 and so on for its values.

    + name: to prepare it under; types: of its values
    + reads_all: reads catalogs from end to end
    """

    name: str
    types: tuple[str, ...]
    text: str
    reads_all: bool = False


# Runs a query with its values, and returns the rows.
Execute = Callable[[Query, Sequence[Any]], Sequence[Sequence[Any]]]


# What is true of all oids.
EVERYTHING = "IS NOT NULL"


def catalog_query(among: str = EVERYTHING, only: str = "NULL::text", *, has_rare: bool = True) -> str:
    """Returns the text of catalog.sql.

    + among: what is true of the oids of relations, functions and types that are read: by default, of all
    + only: what stands for the schema to which the lines are limited: NULL for all
    + has_rare: with what is rare; see rare.sql
    """
    text = read_sql("catalog/catalog")
    if not has_rare:
        first, *others = text.split("-- :rare")
        text = "".join([first, *(part.partition("-- :common")[2] for part in others)])
    each = "" if among == EVERYTHING else "OFFSET 0"
    return text.replace(":among", among).replace(":only", only).replace(":each", each)


WRITTEN = Query("written", (), read_sql("catalog/written"))
CLASSES = Query("classes", (), read_sql("catalog/classes"))
TOUCHED = Query(
    "touched",
    ("integer", "oid[]", "oid[]", "oid[]", "oid[]", "bigint", "oid[]", "tid[]"),
    read_sql("catalog/touched"),
)
RARE = Query("rare", (), read_sql("catalog/rare"))
# The catalogs that rare.sql looks into: without a new row in one of them nothing rare has come.
RARE_CATALOGS = (
    "pg_publication", "pg_publication_rel", "pg_publication_namespace", "pg_statistic_ext", "pg_event_trigger",
    "pg_foreign_data_wrapper", "pg_foreign_server", "pg_foreign_table", "pg_user_mapping", "pg_transform",
    "pg_default_acl", "pg_operator", "pg_opclass", "pg_opfamily", "pg_collation", "pg_conversion", "pg_ts_config",
    "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_cast", "pg_am", "pg_language",
)  # fmt: skip
# With what is rare, and without.
CATALOG = {
    True: Query("catalog", (), catalog_query(), reads_all=True),
    False: Query("catalog_common", (), catalog_query(has_rare=False), reads_all=True),
}
# Of some relations, functions and types: its plan goes by index, where the other reads each catalog from end to end.
PART = {
    True: Query("part", ("oid[]",), catalog_query("= ANY ($1)")),
    False: Query("part_common", ("oid[]",), catalog_query("= ANY ($1)", has_rare=False)),
}


class LineReader:
    """The lines of a catalog, read without what is rare as long as there is nothing of it.

    + rare: catalogs that are looked into for that
    """

    def __init__(self, execute: Execute, rare: Collection[int]) -> None:
        self._execute, self._rare, self._has_rare = execute, rare, False

    def hears_of(self, classes: Collection[int] | None) -> None:
        """Looks whether something rare has come with what was written.

        + classes: catalogs that were written; None: any
        """
        if not self._has_rare and (classes is None or any(one in self._rare for one in classes)):
            ((self._has_rare,),) = self._execute(RARE, ())

    def all(self) -> Sequence[Sequence[Any]]:
        """Returns them all, each with identity and home."""
        self.hears_of(None)
        return self._execute(CATALOG[self._has_rare], ())

    def part(self, scope: Sequence[int]) -> Sequence[Sequence[Any]]:
        """Returns those of some relations, functions and types, and of what belongs to none."""
        return self._execute(PART[self._has_rare], (scope,))
