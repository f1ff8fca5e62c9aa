"""A database of 5 GB that pgBackRest covers: migrated at once, and recovered to the moment before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.docker.hosts import docker_host
from tests.support.cli import Site
from tests.support.physical import archive, pgbackrest, recover_beside, sql
from tests.support.servers import Database, Server

GIB = 5
MOST_S = 120

TABLES = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, note text);
"""
ROWS = """
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100000) AS g;
INSERT INTO orders SELECT g, 1 + g % 100000, repeat(md5(g::text), 30) FROM generate_series(1, {rows}) AS g;
"""
# Some 1,020 bytes a row, and its index.
ORDERS = GIB * 1024**3 // 1060
MIGRATION = """-- purpose: where an order comes from
-- phase: schema

CREATE TABLE sources (id smallint PRIMARY KEY, name text NOT NULL UNIQUE);
ALTER TABLE orders ADD COLUMN source_id smallint;
ALTER TABLE orders ADD CONSTRAINT orders_source FOREIGN KEY (source_id) REFERENCES sources NOT VALID;
"""


@pytest.mark.timeout(1800)
def test_it_is_migrated_within_two_minutes_and_recovered_to_the_moment_before(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    site = Site.make(tmp_path)
    with docker_host(17, tmp_path) as host:
        server = Server(17, host.conninfo, Path("/usr/bin"))
        folder = site.folder / "own"
        folder.mkdir()
        (folder / "baseline.sql").write_text(TABLES)
        (folder / "001_sources.sql").write_text(MIGRATION)
        conninfo = " ".join(f"{name}='{value}'" for name, value in server.conninfo.items()) + " dbname=postgres"
        for name, text in record_folder(folder, conninfo).items():
            (folder / name).write_text(text)
        server.administer("CREATE DATABASE {}", "shop")
        shop = Database(server, "shop")
        shop.run(TABLES)
        shop.run(ROWS.format(rows=ORDERS))
        shop.run("VACUUM ANALYZE")
        size_gib = shop.value("SELECT pg_database_size('shop')") / 1024**3
        rows = "SELECT count(*), sum(hashtextextended(o::text, 0)) FROM orders AS o"
        before = sql(host, rows, "shop")
        shop.close()
        archive(host)
        pgbackrest(host, "--stanza=main", "--type=full", "backup")
        target = site.docker(host, pg_database="shop", pg_sql_dir="own", pg_skip_backup=False, pg_full_proof_max_gib=4)

        started = monotonic()
        ended = site.run("-y", target, "deploy/migrate.py")
        took_s = monotonic() - started

        assert ended.status == 0, ended.output
        assert "a sample of 2: public.orders" in ended.output
        (command,) = (row[0] for row in shop.rows("SELECT recover FROM pgmigrate.restore_points"))
        shop.close()
        sql(host, "DELETE FROM orders WHERE id % 2 = 0", "shop")
        started = monotonic()
        recover_beside(host, command)
        recovered_s = monotonic() - started
        assert sql(host, rows, "shop", port=5433) == before
        assert sql(host, "SELECT to_regclass('sources') IS NULL", "shop", port=5433).strip() == "t"
        record_property(
            "figures",
            f"{size_gib:.1f} GiB: migrate.py {took_s:.1f} s, recovered to the restore point in {recovered_s:.0f} s",
        )
        assert size_gib > GIB * 0.95
        assert took_s < MOST_S
