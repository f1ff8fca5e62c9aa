"""Registries as earlier versions of the library left them."""

from __future__ import annotations

from tests.support.servers import Database

# What makes a registry of a version out of one of the next.
OLDER = {
    1: "DROP TABLE pgmigrate.backups, pgmigrate.quarantines; DELETE FROM pgmigrate.registry WHERE version = 2",
    2: "ALTER TABLE pgmigrate.quarantines DROP COLUMN kind, DROP COLUMN rules, DROP COLUMN dropped_at;"
    " DROP TABLE pgmigrate.dependents; DELETE FROM pgmigrate.registry WHERE version = 3",
    3: "DROP TABLE pgmigrate.measurements; DELETE FROM pgmigrate.registry WHERE version = 4",
    4: "ALTER TABLE pgmigrate.catalogs DROP COLUMN fingerprint; DELETE FROM pgmigrate.registry WHERE version = 5",
    5: "ALTER TABLE pgmigrate.catalogs DROP COLUMN lines_version; ALTER TABLE pgmigrate.migrations DROP COLUMN lines_version;"
    " DELETE FROM pgmigrate.registry WHERE version = 6",
    6: "DELETE FROM pgmigrate.registry WHERE version = 7",
    7: "DROP TABLE pgmigrate.restore_points; DELETE FROM pgmigrate.registry WHERE version = 8",
    8: "ALTER TABLE pgmigrate.runs DROP COLUMN schema_name; ALTER TABLE pgmigrate.migrations DROP COLUMN schema_name,"
    " ADD PRIMARY KEY (version); ALTER TABLE pgmigrate.catalogs DROP COLUMN schema_name, ADD PRIMARY KEY (kind);"
    " DELETE FROM pgmigrate.registry WHERE version = 9",
    9: "ALTER TABLE pgmigrate.catalogs DROP COLUMN removed, DROP COLUMN added;"
    " DELETE FROM pgmigrate.registry WHERE version = 10",
}


def make_older(database: Database, version: int) -> None:
    """Makes the registry of a database one of an earlier version."""
    for older in range(max(OLDER), version - 1, -1):
        database.run(OLDER[older])
