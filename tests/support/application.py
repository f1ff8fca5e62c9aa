"""What the application has: tables and catalog without the registry, and its rule that a rollback brings back."""

from __future__ import annotations

import re

from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.copies.restore_log import differences

from tests.support.contents import contents_of
from tests.support.servers import Database

# What the last of the shipped migrations takes away, under whatever name and in either form.
OLD_RULE = "idx_project_equipment_groups_project"
CONSTRAINT = "ALTER TABLE project_equipment_groups ADD CONSTRAINT any_name UNIQUE (project_id, name)"


def application(database: Database) -> Contents:
    """What the application has: tables and catalog, the registry left out."""
    found = contents_of(database)
    tables = {name: value for name, value in found.tables.items() if not re.match(r"pgmigrate(_damaged_\d+)?\.", name)}
    return Contents(tables, found.large_objects, found.catalog)


def same(before: Contents, database: Database) -> list[str]:
    return list(differences(before, application(database)))
