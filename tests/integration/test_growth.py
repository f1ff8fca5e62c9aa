"""What reading the catalog costs grows with the catalog, not with its square, whatever it is full of.

Rows are counted that the server handles, not seconds: the plans are those for a database whose catalogs have been
analyzed, as they are on every server that has been there for a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psycopg import sql
from pyinfra_pgmigrate.catalog.queries import TOUCHED, catalog_query
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_all_versions
from tests.support.explained import rows_handled
from tests.support.servers import Server

EVERY_KIND = Path(__file__).parent.parent / "support" / "every_kind.sql"
FEW, MANY = 12, 96

QUERIES = {
    "catalog": catalog_query(),
    "fingerprint": read_sql("catalog/fingerprint"),
    "touched": TOUCHED.text.replace("$1", "-1")
    .replace("$2", "'{}'")
    .replace("$3", "'{}'")
    .replace("$4", "NULL")
    .replace("$5", "NULL")
    .replace("$6", "NULL")
    .replace("$7", "'{}'::oid[]")
    .replace("$8", "'{}'::tid[]"),
}


def handled(server: Server, count: int) -> dict[str, float]:
    """Returns by query how many rows it takes on a database with so many objects of every kind."""
    with server.database("empty") as database:
        for part in EVERY_KIND.read_text().replace(":count", str(count)).split("----\n"):
            database.run(part)
        database.run("SET jit = off")
        found = {}
        for name, query in QUERIES.items():
            explain = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}").format(sql.SQL(query))
            ((plan,),) = database.session.execute(explain).fetchall()
            found[name] = rows_handled(plan[0]["Plan"])
        return found


@on_all_versions
def test_reading_the_catalog_costs_what_is_in_it(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    few, many = handled(server, FEW), handled(server, MANY)

    ratios = {name: many[name] / few[name] for name in QUERIES}
    told = ", ".join(f"{name} {ratio:.1f} times" for name, ratio in ratios.items())
    record_property("figures", f"rows handled, {MANY // FEW} times the objects: {told}")
    # What the server brings along is in both.
    assert max(ratios.values()) < MANY / FEW, ratios
