"""What psql answered, as values: a database, verified migrations, the outcome of a step, or why not.

Pure: answers come in, values go out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..application.totals import Answers, answers_of
from ..backup.manifest import Contents, Store, Unsafe, decoded, found_backup
from ..catalog.lines import Catalog, Patch
from ..errors import Kind, Refusal
from ..registry.model import (
    AppliedMigration,
    Blocker,
    Interrupted,
    Observed,
    OtherRun,
    Problem,
    ProvedBackup,
    Quarantine,
    Registry,
    Server,
    Upsert,
    Verified,
)
from ..rollback.blockers import Dependent
from ..settings import Connection
from ..validation.data import Rows, Some
from . import command
from .command import Answer

# Feature not supported; source: PostgreSQL manual, "Error Codes".
_TOO_OLD = "0A000"
# Object not in prerequisite state.
_PLANTED = "55000"


@dataclass(frozen=True)
class Unreadable:
    """The database could not be read: what psql said instead."""

    status: int | None
    sqlstate: str
    message: str


@dataclass(frozen=True)
class TracedTable:
    """A table at one moment of a step.

    + mode: the strongest lock that the step's session held on it, as pg_locks names it, or None
    + storage: another number once it was written anew
    + size_bytes: with its indexes
    """

    name: str
    mode: str | None
    storage: int | None
    size_bytes: int


@dataclass(frozen=True)
class PutBack:
    """What a step put back from the quarantine.

    + object: table or column
    + put, left: rows put back, and rows that cannot be
    + rows: up to 20 of those, each by its key with the reason
    """

    object: str
    put: int
    left: int
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a step reported, or that it did not.

    + result: done, busy, moved, problems or unexpected
    + durations: milliseconds by number of the statement
    + foreign: lines that changed and that the effect does not promise, each with its sign
    + lacking: lines that it promises and that did not change
    + carried: lines of what others built and a promised change carried along, each with its sign
    + removed, added: lines that went and came
    + traces: tables after each statement by its number; 0 is before the first
    + put_back: what was put back from the quarantine
    + made: what others had built and was made again, with the reason where it was not, and whether it waits
    """

    result: str
    duration_ms: int = 0
    durations: tuple[tuple[int, int], ...] = ()
    rows: int = 0
    detail: str = ""
    foreign: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    verified: Verified | None = None
    removed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    traces: tuple[tuple[int, tuple[TracedTable, ...]], ...] = ()
    put_back: tuple[PutBack, ...] = ()
    made: tuple[tuple[str, str, bool], ...] = ()


def database(answer: Answer) -> Observed | Unreadable:
    """Returns the database that an answer to ``script.observe`` describes."""
    too_old = answer.value("too_old")
    if too_old is not None:
        return Unreadable(command.EXIT_SCRIPT, _TOO_OLD, too_old)
    planted = answer.value("planted")
    if planted is not None:
        return Unreadable(command.EXIT_SCRIPT, _PLANTED, "; ".join(planted))
    server, catalog = answer.value("server"), answer.value("catalog")
    if answer.status != 0 or server is None or catalog is None:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    registry = answer.value("registry")
    upserts = answer.value("upserts")
    return Observed(
        server=Server(
            **{
                **server,
                "roles": frozenset(server["roles"]),
                "foreign_code": tuple(server.get("foreign_code", ())),
            }
        ),
        registry=None if registry is None else _registry(registry),
        catalog=Catalog.of(catalog),
        upserts=None if upserts is None else tuple(Upsert(**upsert) for upsert in upserts),
        other_run=_other_run(answer.value("at_work"), registry),
        damaged=tuple(answer.value("damaged") or ()),
        snapshots=tuple(Blocker(**found) for found in answer.value("snapshots") or ()),
        verified=_all_verified(answer),
    )


def _registry(found: Mapping[str, Any]) -> Registry:
    rows = [
        AppliedMigration(
            **{
                **row,
                "removed": None if row["removed"] is None else tuple(row["removed"]),
                "added": None if row["added"] is None else tuple(row["added"]),
            }
        )
        for row in found["migrations"]
    ]
    return Registry(
        version=found["version"],
        migrations={row.version: row for row in rows},
        drift=Patch(frozenset(found["gone"]), frozenset(found["come"])) if found["knows_last"] else None,
        gone_since_first=None if found["gone_since_first"] is None else frozenset(found["gone_since_first"]),
        quarantines=tuple(Quarantine(**one) for one in found["quarantines"]),
        quarantined_runs=tuple(found["quarantined_runs"]),
        noted_gone=frozenset(found["noted_gone"]),
        of_older_form=frozenset(found.get("of_older_form", ())),
        backup=None if found["backup"] is None else ProvedBackup(**found["backup"]),
        interrupted={
            one["version"]: Interrupted(one["checksum"], frozenset(one["done"]), frozenset(one["begun"]))
            for one in found["interrupted"]
        },
    )


def _other_run(at_work: Mapping[str, Any] | None, registry: Mapping[str, Any] | None) -> OtherRun | None:
    if at_work is not None:
        return OtherRun(**at_work)
    if registry is not None and registry["other_run"] is not None:
        return OtherRun(**registry["other_run"])
    return None


def _verified(found: Mapping[str, Any]) -> Verified:
    return Verified(
        problems=tuple(Problem(*row) for row in found.get("problems", ())),
        count=found.get("count"),
        sqlstate=found.get("sqlstate"),
        message=found.get("message"),
    )


def verified(answer: Answer) -> dict[int, Verified] | Unreadable:
    """Returns the answers of the verify queries by version."""
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    return _all_verified(answer)


def _all_verified(answer: Answer) -> dict[int, Verified]:
    return {found["version"]: _verified(found) for found in answer.values("verified")}


def outcomes(answer: Answer) -> list[Outcome]:
    """Returns what the steps of ``script.apply`` reported, in order."""
    return [
        Outcome(
            result=found["result"],
            duration_ms=found.get("duration_ms", 0),
            durations=tuple((number, milliseconds) for number, milliseconds in found.get("durations", ())),
            rows=found.get("rows", 0),
            detail=found.get("detail", ""),
            foreign=tuple(found.get("foreign", ())),
            lacking=tuple(found.get("lacking", ())),
            carried=tuple(found.get("carried", ())),
            verified=_verified(found["verified"]) if "verified" in found else None,
            removed=frozenset(found.get("removed", ())),
            added=frozenset(found.get("added", ())),
            put_back=tuple(
                PutBack(one["object"], one["put"], one["left"], tuple((key, reason) for key, reason in one["rows"]))
                for one in found.get("put_back", ())
            ),
            made=tuple((what, reason, waits) for what, reason, waits in found.get("made", ())),
            traces=tuple(
                (number, tuple(TracedTable(*table) for table in tables)) for number, tables in found.get("traces", ())
            ),
        )
        for found in answer.values("outcome")
    ]


@dataclass(frozen=True)
class Obstructions:
    """What stands in the way of a rollback.

    + conflicts: as conflicts.sql tells them, by rule
    + table_bytes, needed_bytes: as in ``Rollback``
    """

    conflicts: tuple[Mapping[str, Any], ...]
    dependents: tuple[Dependent, ...]
    table_bytes: Mapping[str, int]
    needed_bytes: int


def obstructions(answer: Answer) -> Obstructions | Unreadable:
    """Returns what stands in the way of a rollback. Raises TypeError where the answer does not say."""
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    return Obstructions(
        tuple(answer.value("conflicts")),
        tuple(Dependent(one["key"], one["gone"], one["made"]) for one in answer.value("dependents")),
        answer.value("sizes")["tables"],
        answer.value("sizes")["bytes"],
    )


def unsafe(answer: Answer) -> Unsafe | None:
    """Returns the path that a program of the backups would not use, or None."""
    found = answer.value("unsafe")
    return None if found is None else Unsafe(*map(decoded, found))


def lineage(text: str) -> tuple[tuple[str, int, int], ...]:
    """Returns what the lines say that restores wrote: number of the server, of the database, of an earlier one."""
    rows = [re.fullmatch(r"(\d*) (\d+) (\d+)", line) for line in text.splitlines()]
    return tuple((row[1], int(row[2]), int(row[3])) for row in rows if row is not None)


def store(answer: Answer) -> Store | Unsafe:
    """Returns the backups that an answer of look.sh tells of. Raises ValueError where it tells nothing."""
    if (path := unsafe(answer)) is not None:
        return path
    if answer.status != 0 or answer.value("free_kib") is None:
        raise ValueError(answer.text("problem") or answer.errors or "no answer")
    return Store(
        folder=decoded(answer.value("folder")),
        now_s=answer.value("now"),
        free_bytes=answer.value("free_kib") * 1024,
        lineage=lineage(answer.text("lineage")),
        data_free_bytes=None if (free := answer.value("data_free_kib")) is None else free * 1024,
        pg_dump=answer.value("pg_dump"),
        backups=tuple(
            found_backup(label, decoded(text), decoded(flaw)) for label, text, flaw in answer.values("backup")
        ),
    )


def contents(answer: Answer) -> Contents:
    """Returns what was in a database, as contents.sql told. Raises ValueError where it did not."""
    about = answer.value("database")
    if about is None:
        raise ValueError("no answer")
    return Contents(
        tables=tables(answer),
        large_objects=about["large_objects"],
        catalog=Catalog.of(answer.value("catalog")),
        applied=tuple((version, checksum) for version, checksum in about["applied"]),
        properties=about["properties"],
        totals=totals(answer),
    )


def rows(answer: Answer, keys: Sequence[tuple[str, ...]]) -> list[Rows]:
    """Returns how rows differ, as explain.sh told, one for each table that was asked about.

    + keys: columns of the primary key of each table; none where it has none
    Raises ValueError where the answer cannot be read.
    """
    told: dict[tuple[int, str], Some] = {}
    for line in answer.text("rows").splitlines():
        number, kind, count, *first = line.split("\t")
        names = tuple(", ".join(map(str, json.loads(key))) for key in first) if keys[int(number)] else ()
        told[int(number), kind] = Some(int(count), names)
    return [
        Rows(key, *(told.get((number, kind), Some()) for kind in ("inserted", "deleted", "changed")))
        for number, key in enumerate(keys)
    ]


def tables(answer: Answer) -> dict[str, tuple[int, str]]:
    """Returns rows and content hash by table, as contents.sql told."""
    return {table: (rows, digest) for table, rows, digest in answer.values("table")}


def totals(answer: Answer) -> dict[str, Answers]:
    """Returns the answers of the totals by name, as totals.sql told. Raises ValueError where it cannot be read."""
    return {name: answers_of(found) for name, found in answer.values("total")}


def blockers(answer: Answer) -> list[Blocker]:
    """Returns the sessions that were in the way."""
    return [Blocker(**found) for found in answer.value("blockers") or ()]


# What a connection error says, and what to do about it; the first that fits counts. The server's own
# messages may be in another language: then the last line of the table fits.
_CONNECTION_HINTS = (
    ("password authentication failed", "Correct pg_user or pg_password (or ~/.pgpass on the host)."),
    ("no password supplied", "Set pg_password, or put the password into ~/.pgpass on the host."),
    (
        "Peer authentication failed",
        "Run psql as that user: set _sudo_user in the group data, or use pg_host.",
    ),
    ("could not translate host name", "Correct pg_host."),
    ("definition of service", "Correct pg_service, or add it to pg_service.conf on the host."),
    ("role ", "Correct pg_user, or let a superuser create the role."),
    ("database ", "Correct pg_database; to see the names on the host: psql --list"),
    ("", "See that the server runs and listens there: pg_isready"),
)


def refusal(found: Unreadable | None, *, host: str, connection: Connection) -> Refusal:
    """Returns why a database could not be read, for people.

    + found: None where not even the shell command ended well
    """
    what = f'could not read database "{connection.database}" on host {host}'
    where = command.conninfo(connection)
    if found is None or found.status is None:
        return Refusal(
            Kind.UNREADABLE,
            f"{what}: the command on the host did not end",
            detail="Found no answer; expected psql's exit status. What the host said stands above.",
            hint=f"Try by hand: pyinfra {host} exec -- id",
        )
    match found.status:
        case command.EXIT_NO_PSQL:
            return Refusal(
                Kind.UNREADABLE,
                f"{what}: psql is not there",
                detail=f"Found no program psql in {connection.bin_dir or 'PATH'}; expected the client programs.",
                hint="Install postgresql-client on the host, or set pg_bin_dir.",
            )
        case command.EXIT_CONNECTION:
            hint = next(hint for text, hint in _CONNECTION_HINTS if text in found.message)
            return Refusal(
                Kind.UNREADABLE,
                f"{what}: no connection",
                detail=f"Found: {found.message}. Expected a connection with {where}.",
                hint=hint,
            )
        case command.EXIT_SCRIPT if found.sqlstate == _TOO_OLD:
            return Refusal(
                Kind.UNREADABLE,
                f"{what}: PostgreSQL {found.message} is too old",
                detail=f"Found version {found.message}; expected 15 or later.",
                hint="Upgrade the server; for older ones use another tool.",
            )
        case command.EXIT_SCRIPT if found.sqlstate == _PLANTED:
            return Refusal(
                Kind.REGISTRY,
                f"{what}: its registry cannot be trusted",
                detail=f"Found: {found.message}; expected plain tables of the role that connects, of a superuser or of "
                "the owner of the database. Nothing in it was read, as whoever made it could have anything run.",
                hint="Connect as the role that made the registry. If nobody of yours made it: "
                "ALTER SCHEMA pgmigrate RENAME TO pgmigrate_foreign",
            )
        case command.EXIT_SCRIPT if found.sqlstate == "42501":
            return Refusal(
                Kind.PRIVILEGE,
                f"{what}: {found.message}",
                detail=f"Found SQLSTATE {found.sqlstate}; expected a role that may read schema pgmigrate.",
                hint="Connect as the role that made the registry, or let it run: "
                "GRANT USAGE ON SCHEMA pgmigrate TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA pgmigrate TO ROLE",
            )
        case command.EXIT_SCRIPT if found.sqlstate == "55P03":
            return Refusal(
                Kind.LOCK,
                f"{what}: a table is locked",
                detail=f"Found: {found.message}; expected to read the catalog within 10 s.",
                hint="See who holds it: SELECT * FROM pg_locks WHERE mode = 'AccessExclusiveLock', then run again.",
            )
        case _:
            return Refusal(
                Kind.UNREADABLE,
                f"{what}: psql ended with status {found.status}",
                detail=f"Found: {found.message or 'no message'}. Expected status 0.",
                hint=f"Try by hand on the host: psql \"{where}\" --command='SELECT 1'",
            )
