"""The checked host data of one host, of all keys in ``keys``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import Kind, PgMigrateError
from .keys import KEYS, Key
from .values import Secret, databases, schemas, secret

__all__ = ["KEYS", "PREFIX", "Connection", "Key", "Secret", "Settings", "read_settings", "value_of"]

PREFIX = "pg_"


@dataclass(frozen=True)
class Connection:
    """How psql on the host reaches the database; ``password`` never leaves standard input."""

    database: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    service: str | None = None
    bin_dir: str | None = None
    connect_timeout_s: float = 10.0
    sslmode: str | None = None
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    target_session_attrs: str | None = None
    password: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Settings:
    """The checked host data of one host; see ``KEYS`` for units and meaning."""

    connection: Connection
    databases: Mapping[str, Mapping[str, Any]] | None
    schemas: Mapping[str, Mapping[str, Any]] | None
    stop_after: int | None
    schema: str
    search_path: tuple[str, ...] | None
    sql_dir: Path
    target: int | None
    applied: int | None
    phase: str | None
    check: bool
    repair: bool
    out_of_order: bool
    release: bool
    batch_from: int
    large_table_rows: int
    batch_rows: int
    backup_dir: str | None
    jobs: int
    compress: str | None
    backup_keep: int
    backup_max_age_s: float
    verify: str
    verify_host: str | None
    rehearse: str
    copy_role: str
    skip_backup: bool
    full_proof_max_gib: int
    backup_check: str | None
    barman: str | None
    physical_max_age_h: float
    backup: str | None
    backup_of_other: bool
    backup_fetch: str | None
    table: str | None
    confirm: str | None
    needs_confirm: bool
    on_conflict: str
    dependents: str
    build_from_mib: int
    quarantine_drop: str | None
    drift_ignore: tuple[str, ...] | None
    strict: bool
    compatibility: bool
    report: bool
    report_dir: Path
    measure: str
    query_timeout_s: float
    regression_factor: float
    writes: str
    explain_mib: int
    maintenance_database: str
    lock_timeout_s: float
    lock_poll_s: float
    lock_budget_s: float
    run_wait_s: float
    run_stale_s: float

    @property
    def scope(self) -> str:
        """The schema to which all is limited where a database has several with migrations; empty: the database."""
        return "" if self.schemas is None else self.schema

    @property
    def worked_on(self) -> tuple[Connection, str]:
        """What is worked on: a database, and the schema to which that is limited."""
        return self.connection, self.scope

    @property
    def name(self) -> str:
        """What is worked on, as people call it: the database, or a schema of it."""
        return f"{self.connection.database}.{self.scope}" if self.scope else self.connection.database

    @property
    def place(self) -> str:
        """What tells the database from another one of that name: its server, as far as it is named, and the schema."""
        found = self.connection
        server = [str(one) for one in (found.service, found.host, found.port) if one is not None]
        return ", ".join([*server, f"schema {self.schema}"])


def read_settings(data: Mapping[str, Any]) -> Settings:
    """Returns the settings that host data hold.

    + data: all host data; keys that do not begin with ``pg_`` are left alone
    Raises PgMigrateError (settings) for an unknown key, with the nearest known one, for a value of the
    wrong kind, and without a database.
    """
    for name in data:
        if name.startswith(PREFIX) and name not in KEYS:
            near = difflib.get_close_matches(name, KEYS, n=1, cutoff=0.0)[0]
            raise PgMigrateError(
                Kind.SETTINGS,
                f'cannot use host data key "{name}": there is no such key',
                detail=f'Found "{name}"; the nearest known key is "{near}".',
                hint=f"Write {near}, or remove the key; docs/reference/settings.md lists all keys.",
            )
    values = {name.removeprefix(PREFIX): value_of(name, data.get(name)) for name in KEYS}
    if values["database"] is None:
        raise PgMigrateError(
            Kind.SETTINGS,
            "could not find out which database to use",
            detail="Found no host data key pg_database or pg_databases; expected the name of a database.",
            hint="Set pg_database in the inventory or its group data, or: --data pg_database=NAME",
        )
    if values["schemas"] is not None and values["schema"] not in values["schemas"]:
        raise PgMigrateError(
            Kind.SETTINGS,
            "could not find out which schema to use",
            detail=f'Found pg_schema "{values["schema"]}"; expected one of pg_schemas: {", ".join(values["schemas"])}.',
            hint=f"Choose one: --data pg_schema={next(iter(values['schemas']))}",
        )
    of_connection = Connection.__dataclass_fields__
    connection = Connection(**{name: value for name, value in values.items() if name in of_connection})
    others = {name: value for name, value in values.items() if name not in of_connection}
    others["sql_dir"] = Path(others["sql_dir"])
    others["report_dir"] = Path(others["report_dir"])
    return Settings(connection=connection, **others)


def value_of(name: str, value: Any) -> Any:
    """Returns the checked value of one key, its default for None. Raises PgMigrateError (settings)."""
    key = KEYS[name]
    if value is None:
        return key.default
    try:
        return key.read(value)
    except ValueError as error:
        found = "a value that is not shown" if key.read in (secret, databases, schemas) else f'"{value}"'
        raise PgMigrateError(
            Kind.SETTINGS,
            f"cannot use host data key {name}: expected {error}",
            detail=f"Found {found}; expected {error}.",
            hint=f"Correct {name}: {key.meaning}.",
        ) from error
