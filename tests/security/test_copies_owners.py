"""Owners, rights and what a superuser alone can make are on a copy, compared, and in what is restored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyinfra_pgmigrate.backup.manifest import read_manifest

from tests.conftest import on_versions
from tests.security.others import others_own
from tests.support.backups import copies, copy_roles, labels, manifest
from tests.support.harness import backup, restore
from tests.support.servers import Database, Server

_LARGE_OBJECTS = "SELECT pg_get_userbyid(lomowner), lomacl::text FROM pg_largeobject_metadata"


@on_versions(15, 18)
def test_owners_rights_and_what_a_superuser_alone_can_make_are_compared_and_come_back(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
) -> None:
    with others_own(legacy):
        before, large_objects = legacy.catalog().lines, legacy.rows(_LARGE_OBJECTS)

        backed = backup(kept())

        assert backed.ok, backed.text
        (label,) = labels(folder)
        assert manifest(folder, label)["verification"] == {
            **manifest(folder, label)["verification"], "how": "restore", "notes": [],
        }  # fmt: skip
        legacy.close()

        restored = restore(kept(pg_backup="latest"))

        assert restored.ok, restored.text
        assert legacy.catalog().lines == before
        assert legacy.rows(_LARGE_OBJECTS) == large_objects
        assert legacy.value("SELECT count(*) FROM theirs.m") == 2
        assert copies(server) == copy_roles(server) == []


_SUPERUSERS = """
CREATE FUNCTION same_again() RETURNS trigger LANGUAGE internal AS 'suppress_redundant_updates_trigger';
CREATE TYPE whole;
CREATE FUNCTION whole_in(cstring) RETURNS whole LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION whole_out(whole) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE whole (input = whole_in, output = whole_out, like = integer);
CREATE CAST (whole AS integer) WITHOUT FUNCTION;
CREATE FUNCTION sure(integer) RETURNS boolean LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT true';
CREATE FUNCTION quiet() RETURNS integer LANGUAGE sql SET log_min_messages = 'error' AS 'SELECT 1';
CREATE OPERATOR FAMILY wholes USING btree;
CREATE TABLE wholes (w whole, i integer CHECK (sure(i))); INSERT INTO wholes VALUES ('4', 1);
CREATE TRIGGER same_again BEFORE UPDATE ON wholes FOR EACH ROW EXECUTE FUNCTION same_again();
"""


def test_what_a_superuser_alone_can_make_is_on_the_copy_and_in_the_restored_database(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
) -> None:
    legacy.run(_SUPERUSERS)
    before = legacy.catalog().lines

    backed = backup(kept())
    legacy.close()
    restored = restore(kept(pg_backup="latest"))

    assert backed.ok, backed.text
    assert manifest(folder, labels(folder)[0])["verification"]["notes"] == []
    assert restored.ok, restored.text
    assert legacy.catalog().lines == before
    assert copies(server) == copy_roles(server) == []
    legacy.close()
    for (old,) in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"):
        server.administer("DROP DATABASE {} WITH (FORCE)", old)


def _forge_grant(backup: Path) -> None:
    """Changes what a backup says of its catalog, and all hashes with it."""
    path = backup / "catalog.json"
    lines = json.loads(path.read_text())
    changed = [line.replace(" UPDATE", " DELETE") if line.startswith("grant column") else line for line in lines]
    assert changed != lines
    path.write_text(json.dumps(changed))
    read = read_manifest((backup / "manifest.json").read_text())
    sums = {**read.sums, "catalog.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    (backup / "manifest.json").write_text(replace(read, sums=sums).text() + "\n")


def test_a_dump_with_other_rights_than_the_backup_says_is_found(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
) -> None:
    with others_own(legacy):
        backup(kept())
        (label,) = labels(folder)
        _forge_grant(folder / label)

        result = backup(kept(pg_backup=label))

    assert not result.ok
    assert "grant column" in result.refusals[0], result.text
