"""Backups as tests look at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.docker.hosts import RELEASES
from tests.support.harness import backup
from tests.support.servers import Database, Server

ODD = Path(__file__).with_name("odd.sql").read_text()
# Needs a server with ICU and libxml, as Debian's have.
ODDER = """
CREATE COLLATION case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE blind (word text COLLATE case_blind, x xml);
INSERT INTO blind VALUES ('Word', '<a/>'), ('WORD', '<b>1</b>');
"""


def fill_oddly(database: Database) -> None:
    database.run(ODD)
    if database.server.version in RELEASES:
        database.run(ODDER)


def labels(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def manifest(folder: Path, label: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / label / "manifest.json").read_text())
    return found


def copies(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pgmigrate_'")]


def copy_roles(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pgmigrate_'")]


def taken(folder: Path, settings: dict[str, Any]) -> str:
    """Takes a backup and returns its label."""
    before = set(labels(folder)) if folder.exists() else set()
    result = backup({**settings, "pg_backup_max_age_s": 0.001})
    assert result.ok, result.text
    (label,) = set(labels(folder)) - before
    return label
