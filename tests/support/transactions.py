"""Transactions of others that stay open, and limits with which a step soon gives up waiting for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.support.servers import Database

QUICK = {"pg_lock_poll_s": 0.1, "pg_lock_timeout_s": 0.1}


@contextmanager
def open_transaction(
    database: Database, *statements: str, name: str = "night report"
) -> Iterator[psycopg.Connection[Any]]:
    """Keeps a transaction open in a session of its own."""
    with psycopg.connect(
        **{**database.server.conninfo, "dbname": database.name, "application_name": name}
    ) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        yield connection
        connection.rollback()
