"""One whole story on every version: migrate, again, status, validate, backup, rollback, forward, restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_all_versions
from tests.support.application import application, same
from tests.support.backups import copies, fill_oddly, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import migrate, restore, rollback, status, validate
from tests.support.migrations import NAMES
from tests.support.servers import Database, Server

pytestmark = pytest.mark.usefixtures("one_by_one")

Kept = Callable[..., dict[str, Any]]


@on_all_versions
def test_there_and_back_and_there_again(legacy: Database, kept: Kept, folder: Path, server: Server) -> None:
    fill_oddly(legacy)
    first = application(legacy)

    migrated = migrate(kept())

    assert migrated.changed == ["Backup and rehearsal", *NAMES], migrated.text
    after = contents_of(legacy)
    assert migrate(kept()).changed == []
    told = status(kept()).text
    assert "6 of 6 migrations applied" in told
    assert "no drift" in told
    checked = validate(kept(pg_writes="stopped"))
    assert checked.ok, checked.text
    assert "0 FAIL" in checked.text
    assert contents_of(legacy) == after

    label = taken(folder, kept())
    assert manifest(folder, label)["verification"]["how"] == "restore"
    at_backup = application(legacy)

    back = rollback(kept())

    assert back.ok, back.text
    assert same(first, legacy) == []
    assert rollback(kept()).unchanged[-1] == "Rollback"

    forward = migrate(kept(pg_rehearse="off"))

    assert forward.ok, forward.text
    assert application(legacy).catalog == after.catalog

    legacy.run("DELETE FROM project_roles; DROP TABLE nothing_in_it")
    legacy.close()
    restored = restore(kept(pg_backup=label))

    assert restored.ok, restored.text
    assert same(at_backup, legacy) == []
    assert "no drift" in status(kept()).text
    for (name,) in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"):
        server.administer("DROP DATABASE {} WITH (FORCE)", name)
    assert copies(server) == []
