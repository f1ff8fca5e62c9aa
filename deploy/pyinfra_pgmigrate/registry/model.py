"""What is: one database as it was read at one moment. Values only; reading is in ``facts``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog.lines import Catalog, Patch
from ..importing.ledgers import Ledger
from ..psql.answer import Answer

REGISTRY_VERSION = 10


@dataclass(frozen=True)
class Server:
    """The server and what the role may do there.

    + version_num: as PostgreSQL gives it, 170005 for 17.5
    + size_bytes: of the database; index_bytes: of its indexes, as last counted
    + data_directory: on the server's machine; None where the role may not know
    + roles: all roles whose privileges the connected role has, itself included
    + is_superuser: passes every privilege check
    + foreign_code: where it is one, functions of roles that are none, 100 at most
    """

    version: str
    version_num: int
    database: str
    role: str
    in_recovery: bool
    schema_exists: bool
    size_bytes: int
    index_bytes: int
    data_directory: str | None
    may_create_databases: bool
    roles: frozenset[str]
    is_superuser: bool
    may_create_in_database: bool
    may_create_in_schema: bool
    foreign_code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """Which database, whatever others are called.

    + system_identifier: of its server; empty where that does not tell
    + oid: its number there; 0: there is none of that name
    + timeline: of the server's history; 0: not known
    """

    system_identifier: str
    oid: int
    timeline: int = 0


@dataclass(frozen=True)
class AppliedMigration:
    """A row of the registry: what holds now.

    + how: applied, adopted, resumed or repaired
    + applied_at: ISO 8601, UTC
    + removed, added: lines that really went and came on this database; None where it was adopted
    + backup: label of the backup taken before it
    """

    version: int
    name: str
    checksum: str
    how: str
    applied_at: str
    applied_by: str
    duration_ms: int
    removed: tuple[str, ...] | None = None
    added: tuple[str, ...] | None = None
    backup: str | None = None


@dataclass(frozen=True)
class OtherRun:
    """A run of this tool by somebody else that has not ended.

    + at_work: it has a session of the database right now; otherwise it was seen less than pg_run_stale_s ago
    + seen_s: seconds since it last wrote to the registry
    """

    run_id: str
    operator: str
    at_work: bool
    seen_s: float


@dataclass(frozen=True)
class Blocker:
    """A session, or a prepared transaction, that holds what a step waits for.

    + pid: None for a prepared transaction
    + gid: of a prepared transaction; None for a session
    + database: in which that can be ended
    """

    pid: int | None
    user: str
    application: str
    state: str
    transaction_s: float | None
    table: str
    gid: str | None = None
    database: str = ""

    @property
    def ending(self) -> str:
        """The statement that ends it, with what it did undone."""
        if self.gid is None:
            return f"SELECT pg_terminate_backend({self.pid});"
        quoted = self.gid.replace("'", "''")
        return f"ROLLBACK PREPARED '{quoted}'; (in database {self.database}, or COMMIT PREPARED to keep what it did)"

    def __str__(self) -> str:
        if self.gid is not None:
            age = "" if self.transaction_s is None else f", {self.transaction_s:.0f} s old"
            return f'prepared transaction "{self.gid}" of role {self.user}{age}, on {self.table}'
        application = f' ("{self.application}")' if self.application else ""
        age = "" if self.transaction_s is None else f", its transaction open for {self.transaction_s:.0f} s"
        return f"process {self.pid} of role {self.user}{application}, {self.state}{age}, on {self.table}"


@dataclass(frozen=True)
class Quarantine:
    """What a rollback kept: rows of one table or column, or how to make something again.

    + object: the table, table.column, or what is made again
    + kind: table, column, row, name, reference, sequence or definition
    + at: time in UTC; age_s: seconds since then; size_bytes: of the table that holds the rows
    """

    run_id: str
    at: str
    age_s: float
    object: str
    kind: str
    rows: int
    size_bytes: int


@dataclass(frozen=True)
class ProvedBackup:
    """A verified backup, as the registry holds it.

    + taken_at: time in UTC; age_s: seconds since then
    + verification: restore or read
    + host_name: of the machine on which it was written
    """

    label: str
    taken_at: str
    age_s: float
    verification: str
    size_bytes: int
    host_name: str


@dataclass(frozen=True)
class KeptPoint:
    """A restore point, as the registry holds it.

    + name: empty where it has none: then its LSN is the target; age_s: seconds since it was set
    + covered_by: the physical backup that leads there; recover: with which command
    """

    name: str
    lsn: str
    age_s: float
    covered_by: str
    recover: str


@dataclass(frozen=True)
class Interrupted:
    """What our own events say of a migration that began here and is not registered.

    + checksum: of its file, as it was then
    + done: numbers of the statements that are in place; begun: of those outside a transaction that were started
    """

    checksum: str
    done: frozenset[int]
    begun: frozenset[int]


@dataclass(frozen=True)
class Registry:
    """The registry of a database.

    + version: of its own structure
    + drift: what changed in the catalog since the last run ended, own lines included; None where that is not known
    + quarantines: what rollbacks kept and nothing has put back
    + noted_gone: lines that others took away, as a run noted when it began
    + quarantined_runs: every run that ever kept something
    + gone_since_first: lines that were there before the first migration of this tool and are not any more; None
      where that is not known
    + backup: the newest verified one; None where there is none; restore_point: likewise
    + interrupted: migrations that began and are not registered, by version
    + of_older_form: which of its catalogs (first, last) an earlier version of this library kept: nothing is compared
      with them
    + others: whose migrations are in it besides: of schemas of the database, by name, or (empty) of the database
    + backups_of_others: labels of the backups that were taken before those
    """

    version: int
    migrations: Mapping[int, AppliedMigration] = field(default_factory=dict)
    drift: Patch | None = field(default_factory=Patch)
    gone_since_first: frozenset[str] | None = frozenset()
    quarantines: tuple[Quarantine, ...] = ()
    quarantined_runs: tuple[str, ...] = ()
    noted_gone: frozenset[str] = frozenset()
    backup: ProvedBackup | None = None
    restore_point: KeptPoint | None = None
    interrupted: Mapping[int, Interrupted] = field(default_factory=dict)
    of_older_form: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    backups_of_others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Problem:
    """One row of a verify query."""

    object: str
    problem: str


@dataclass(frozen=True)
class Verified:
    """The answer of a verify query.

    + problems: its first rows
    + count: how many there are in all; None where the query could not run
    + sqlstate: why it could not run
    """

    problems: tuple[Problem, ...] = ()
    count: int | None = 0
    sqlstate: str | None = None
    message: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the query ran and found no problem."""
        return self.count == 0

    @property
    def lacks_objects(self) -> bool:
        """Whether it could not run because a table, column, function or type is not there."""
        return self.sqlstate in {"42P01", "42703", "42883", "42704", "3F000"}


@dataclass(frozen=True)
class Upsert:
    """A statement of the application with ON CONFLICT, from pg_stat_statements."""

    calls: int
    query: str


@dataclass(frozen=True)
class Observed:
    """One database at one moment.

    + registry: None where there is none yet
    + upserts: statements with ON CONFLICT; None where pg_stat_statements is not to be read
    + damaged: tables of the registry that are not there or lack a column; then it counts as none
    + snapshots: sessions that keep CREATE INDEX CONCURRENTLY waiting
    + verified: what verify queries said, by version, where they were asked with it
    + ledgers: tables of other migration tools, as long as their word counts
    + identity: which one it is; None where that was not asked
    """

    server: Server
    registry: Registry | None
    catalog: Catalog
    upserts: tuple[Upsert, ...] | None = None
    other_run: OtherRun | None = None
    snapshots: tuple[Blocker, ...] = ()
    damaged: tuple[str, ...] = ()
    verified: Mapping[int, Verified] = field(default_factory=dict)
    ledgers: tuple[Ledger, ...] = ()
    identity: Identity | None = None

    @property
    def applied(self) -> Mapping[int, AppliedMigration]:
        """The registry's migrations by version; empty where there is no registry."""
        return {} if self.registry is None else self.registry.migrations

    @property
    def interrupted(self) -> Mapping[int, Interrupted]:
        """Migrations that began here and are not registered, by version."""
        return {} if self.registry is None else self.registry.interrupted


def blockers_of(answer: Answer) -> list[Blocker]:
    """Returns the sessions that were in the way."""
    return [Blocker(**found) for found in answer.value("blockers") or ()]
