"""The queries that read the catalog of a database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..resources import read_sql


@dataclass(frozen=True)
class Query:
    """A query of the library that is run again and again, with places $1, $2 and so on for its values.

    + name: to prepare it under; types: of its values
    """

    name: str
    types: tuple[str, ...]
    text: str


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
TOUCHED = Query("touched", ("integer", "oid[]", "oid[]", "oid[]", "oid[]", "bigint"), read_sql("catalog/touched"))
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
    True: Query("catalog", (), catalog_query()),
    False: Query("catalog_common", (), catalog_query(has_rare=False)),
}
# Of some relations, functions and types: its plan goes by index, where the other reads each catalog from end to end.
PART = {
    True: Query("part", ("oid[]",), catalog_query("= ANY ($1)")),
    False: Query("part_common", ("oid[]",), catalog_query("= ANY ($1)", has_rare=False)),
}
