"""Catalogs read in part, after each statement of many generated histories, and of scripts of others.

REGRESSION=FOLDER: scripts such as src/test/regress/sql of PostgreSQL's source, which are fetched and not part of this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ALL_VERSIONS, on_all_versions
from tests.integration.test_delta import compare_history
from tests.property.delta import Compared, compare
from tests.property.histories import prepare_server
from tests.support.lockstep import kind_of, statements_of
from tests.support.servers import Server

HISTORIES = int(os.environ.get("HISTORIES", "200"))
_FOLDER = os.environ.get("REGRESSION")

# Of the whole server, or what would end the transaction.
_ELSEWHERE = re.compile(r"TABLESPACE|SUBSCRIPTION|DATABASE|SYSTEM|\bpg_sleep", re.IGNORECASE)
_ENDING = frozenset({"transaction_stmt", "variable_set_stmt", "discard_stmt", "copy_stmt", "deallocate_stmt"})


@pytest.mark.timeout(3600)
@on_all_versions
def test_statements_of_generated_histories(server: Server, record_property: Callable[[str, Any], None]) -> None:
    found = Compared()
    with server.connect("postgres") as session:
        prepare_server(session)
    for number in range(HISTORIES // len(ALL_VERSIONS)):
        compare_history(server, 10_000 * server.version + number, found)

    record_property("figures", f"PostgreSQL {server.version}: {found}")
    assert found.differing == []


@pytest.mark.skipif(_FOLDER is None, reason="REGRESSION=FOLDER says where the scripts are")
@pytest.mark.timeout(3600)
@on_all_versions
def test_statements_of_scripts(server: Server, record_property: Callable[[str, Any], None]) -> None:
    found = Compared()
    for path in sorted(Path(str(_FOLDER)).glob("*.sql")):
        statements = statements_of(path.read_text(errors="replace"))
        kept = [one for one in statements if kind_of(one) not in _ENDING and not _ELSEWHERE.search(one)]
        with server.database("empty") as database:
            database.session.execute("SET statement_timeout = '20s'")
            compare(database.session, kept, found)

    record_property("figures", f"PostgreSQL {server.version}: {found}")
    assert found.differing == []
