"""``pgmigrate init``: the files with which a project begins."""

from __future__ import annotations

import argparse

from .writing import tell, write_new

_DEPLOYS = {
    "migrate": "brings each database to the last migration, or to pg_target",
    "status": "says which migrations each database has, and what drifted; changes nothing",
    "validate": "compares each database with what the migrations promise; changes nothing",
    "backup": "takes a backup of each database and proves it by restoring it",
    "rollback": "reverts the migrations of the newest rollback script",
    "restore": "puts a backup in the place of the database: --data pg_backup=LABEL",
}
_FUNCTIONS = {
    "migrate": "migrate_database",
    "status": "database_status",
    "validate": "validate_database",
    "backup": "backup_database",
    "rollback": "rollback_database",
    "restore": "restore_database",
}
_DEPLOY = '''\
"""pyinfra INVENTORY deploy/{name}.py: {purpose}."""

from pyinfra_pgmigrate import {function}

{function}()
'''
_INVENTORY = '''\
"""Hosts of {name}. All settings: docs/reference/settings.md of pyinfra-pgmigrate."""

{name} = [
    (
        "{host}",
        {{
            "ssh_user": "deploy",
            "pg_database": "{database}",
            # The owner of the database, as the account of that name through the server's socket: no superuser, no
            # password. docs/guides/provisioning.md has other ways.
            "_sudo": True,
            "_sudo_user": "{database}",
{more}        }},
    ),
]
'''
_CI = """\
# Says whether each effect is current and the rules are kept; needs no server.
name: migrations
on: [push, pull_request]
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install pyinfra-pgmigrate
      - run: pgmigrate check sql --format github
"""


def project_files(database: str) -> dict[str, str]:
    """Returns the files of a new project by their paths."""
    confirm = f'            "pg_needs_confirm": True,  # each run names it: --data pg_confirm={database}\n'
    return {
        **{
            f"deploy/{name}.py": _DEPLOY.format(name=name, purpose=purpose, function=_FUNCTIONS[name])
            for name, purpose in _DEPLOYS.items()
        },
        "inventories/staging.py": _INVENTORY.format(
            name="staging", host="staging-db.example.com", database=database, more=""
        ),
        "inventories/production.py": _INVENTORY.format(
            name="production", host="db.example.com", database=database, more=confirm
        ),
        "sql/.gitkeep": "",
        ".gitignore": ".venv/\nreports/\n__pycache__/\n",
        ".github/workflows/migrations.yml": _CI,
    }


def run(options: argparse.Namespace) -> int:
    """Writes the files of a new project; one that is there stays as it is. Returns 0.

    Raises PgMigrateError (settings) for a file that cannot be written.
    """
    for name, text in project_files(options.database).items():
        path = options.folder / name
        if path.exists():
            tell(f"{path}: there already, left as it is")
            continue
        write_new(path, text)
        tell(f"wrote {path}")
    tell("next: name your hosts in inventories/, then: pgmigrate new NAME, or: pgmigrate baseline --from CONNINFO")
    return 0
