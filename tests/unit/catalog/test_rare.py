"""What is rare is left out where there is nothing of it, and nothing else is."""

from __future__ import annotations

import re

import pytest
from pyinfra_pgmigrate.catalog.delta import CatalogReader
from pyinfra_pgmigrate.catalog.queries import RARE_CATALOGS, catalog_query
from pyinfra_pgmigrate.psql.script import catalog_read, joined, part_prepared, prepared_again
from pyinfra_pgmigrate.resources import read_sql

from tests.unit.catalog.answers import KEYS, OID, Server, counted

# What a row of these belongs to has a row of its own in another catalog.
_BELONGING = {"pg_amop", "pg_amproc", "pg_ts_config_map"}


def _catalogs(text: str) -> set[str]:
    """Returns the catalogs that a query reads rows of."""
    found = set(re.findall(r"(?:FROM|JOIN) pg_catalog\.(pg_[a-z_]+)\b(?! ?\()", text))
    # A view of the catalog for superusers.
    return {"pg_user_mapping" if one == "pg_user_mappings" else one for one in found}


def test_it_is_what_rare_catalogs_hold_and_they_are_those_that_are_asked_about() -> None:
    common = catalog_query(has_rare=False)
    blocks = re.findall(r"(?s)-- :rare\n(.*?)-- :common\n", catalog_query())
    read_in_blocks = set().union(*map(_catalogs, blocks)) - _BELONGING - _catalogs(common)

    # A language is read for the name of that of a function, too: one of the server's own counts where it has rights.
    assert read_in_blocks | {"pg_language"} <= set(RARE_CATALOGS)
    # Read in common parts as well, for something else: of tables and types, the column of a key, rights of new objects.
    assert set(RARE_CATALOGS) - read_in_blocks == set(RARE_CATALOGS) & _catalogs(common)
    named = set(re.findall(r"'pg_catalog\.(pg_[a-z_]+)'", read_sql("catalog/rare"))) | _catalogs(
        read_sql("catalog/rare")
    )
    assert named - {"pg_depend"} == set(RARE_CATALOGS)


def test_it_is_marked_in_pairs() -> None:
    assert "-- :rare" not in catalog_query(has_rare=False)
    assert "-- :common" not in catalog_query(has_rare=False)
    assert (
        catalog_query().count("-- :rare\n")
        == catalog_query().count("-- :common\n")
        == len(re.findall(r"(?s)-- :rare\n.*?-- :common\n", catalog_query()))
    )


@pytest.mark.parametrize(("class_", "rare"), [("pg_default_acl", True), ("pg_class", False)])
def test_it_is_looked_for_where_one_of_its_catalogs_was_written(
    server: Server, reader: CatalogReader, class_: str, rare: bool
) -> None:
    server.with_rare.clear()
    server.rare = True
    server.written = counted()
    reader.begins()
    server.written = counted(**{class_: (1, 0)})
    server.fresh, server.objects, server.more = [KEYS[1]], [20002], True

    reader.after()

    assert server.with_rare == [rare]


def test_where_nobody_counts_it_is_looked_for_each_time_and_kept(server: Server, reader: CatalogReader) -> None:
    server.with_rare.clear()
    server.fresh, server.objects = [(OID["pg_class"], 20001, 0)], [20001]
    reader.after()
    server.rare = True
    reader.after()
    server.rare = False
    reader.after()

    assert server.with_rare == [False, True, True]


def test_sessions_send_each_text_once_and_cut_it_on_the_server() -> None:
    reading = catalog_read()

    assert reading.count("-- :rare") == 1 + catalog_query().count("-- :rare")
    assert "-- :rare" in part_prepared()
    again = joined([prepared_again()])
    assert again.count("DEALLOCATE") == 2
    assert "WITH settable" not in again
