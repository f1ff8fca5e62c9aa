"""Host data: every key that begins with ``pg_``, with its type, unit, default and meaning. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .values import (
    PHASES,
    count,
    databases,
    factor,
    flag,
    from_2_seconds,
    label,
    names,
    one_of,
    patterns,
    phase,
    port,
    run,
    schemas,
    seconds,
    secret,
    size,
    text,
    version,
)


@dataclass(frozen=True)
class Key:
    """One key of host data.

    + read: returns the checked value, or raises ValueError with what was expected
    + default: None means: not set
    + meaning: for docs/reference/settings.md, with the unit
    """

    read: Callable[[Any], Any]
    default: Any
    meaning: str


KEYS: dict[str, Key] = {
    "pg_database": Key(
        text,
        None,
        "name of the database; required, unless there is pg_databases: of these --data pg_database chooses one",
    ),
    "pg_databases": Key(
        databases,
        None,
        "databases of the host, worked on one after the other: a list of their names, or a mapping of each name to "
        "host data keys of its own; what is refused on one leaves the others alone",
    ),
    "pg_schemas": Key(
        schemas,
        None,
        "schemas of the database, each with migrations of its own, worked on one after the other: a list of their "
        "names, or a mapping of each name to host data keys of its own; lines, drift and registry are of each alone",
    ),
    "pg_stop_after": Key(
        count,
        None,
        "number of databases, on all hosts together, that failed in a run, from which it begins no other one",
    ),
    "pg_host": Key(
        text,
        None,
        "server to connect to from the host, a name, address or socket folder, or several with commas between; not "
        "set: the socket of the machine",
    ),
    "pg_port": Key(port, None, "port of the server; not set: what psql takes (5432)"),
    "pg_user": Key(text, None, "database role; not set: what psql takes (the operating-system user)"),
    "pg_password": Key(
        secret,
        None,
        "password of the role, sent over standard input only; "
        "not set: peer, trust, certificate or a .pgpass file on the host",
    ),
    "pg_service": Key(text, None, "name of a service in pg_service.conf on the host"),
    "pg_sslmode": Key(
        one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        None,
        "TLS, as libpq takes it: disable, allow, prefer, require, verify-ca or verify-full; not set: what psql takes "
        "(prefer)",
    ),
    "pg_sslrootcert": Key(
        text,
        None,
        "file on the host with the certificates of the authorities that may have signed the server's; or system",
    ),
    "pg_sslcert": Key(text, None, "file with the certificate of the client, on the host"),
    "pg_sslkey": Key(text, None, "file with the key of that certificate, on the host"),
    "pg_target_session_attrs": Key(
        one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
        None,
        "which of several servers in pg_host is taken, as libpq does: the first that is read-write, primary and so on",
    ),
    "pg_schema": Key(text, "public", "schema that unqualified names in the migrations mean"),
    "pg_search_path": Key(
        names,
        None,
        "further schemas in which statements of migrations, and the queries of the operator, find names that have no "
        "schema, after pg_schema, such as those of extensions; not set: those that the header of baseline.sql names",
    ),
    "pg_bin_dir": Key(text, None, "folder of psql on the host; not set: PATH decides"),
    "pg_sql_dir": Key(text, "sql", "folder of the migrations on the controller, from where pyinfra was started"),
    "pg_target": Key(
        version,
        None,
        "number of the last migration to apply, or of the last one to keep (rollback.py); not set: all, or what the "
        "newest rollback script leaves",
    ),
    "pg_applied": Key(
        version,
        None,
        "number of a migration: all up to it were applied by psql or another tool and are recorded as applied, none "
        "after it was; 0: none was",
    ),
    "pg_phase": Key(
        phase,
        None,
        "stop before the first migration of a later phase (" + ", ".join(PHASES) + "); not set: all",
    ),
    "pg_check": Key(
        flag, False, "with --dry, and in status.py: exit status 1 when something is pending, missing or changed"
    ),
    "pg_repair": Key(flag, False, "create again what is missing of applied migrations"),
    "pg_out_of_order": Key(flag, False, "apply a pending migration that is older than an applied one"),
    "pg_release": Key(flag, False, "apply a contract migration although the application still uses what it removes"),
    "pg_batch_from": Key(
        count, 10, "number of pending migrations from which one operation applies them all in one session"
    ),
    "pg_large_table_rows": Key(
        size,
        1_000_000,
        "rows of a table above which a migration is refused that rewrites it, or locks it while its rows are read, and "
        "does not accept that in its header (safe); 0: never",
    ),
    "pg_batch_rows": Key(count, 1000, "rows a transaction in a migration that runs in batches"),
    "pg_backup_dir": Key(
        text,
        None,
        "folder of the backups on the host; not set: pgmigrate-backups in the home of the user that runs psql",
    ),
    "pg_jobs": Key(count, 2, "parallel jobs of pg_dump and pg_restore"),
    "pg_compress": Key(
        text,
        None,
        "compression as pg_dump takes it, such as zstd:3; not set: the first of zstd, lz4 and gzip that pg_dump has",
    ),
    "pg_backup_keep": Key(
        count,
        5,
        "number of backups to keep; the newest verified one and those that the registry names are always kept",
    ),
    "pg_backup_max_age_s": Key(
        seconds,
        900.0,
        "age in seconds below which a verified backup of the same state is used and no new one is taken",
    ),
    "pg_verify": Key(
        one_of("restore", "read", "none"),
        "restore",
        "how a backup is verified: restore it into a scratch database and compare, read it from end to end, or none",
    ),
    "pg_verify_host": Key(
        text, None, "server on which a backup is restored to verify it, as pg_host; not set: the same server"
    ),
    "pg_rehearse": Key(
        one_of("full", "schema", "off"),
        "full",
        "where pending migrations are rehearsed: on the restored copy, on a copy of the structure alone, or nowhere",
    ),
    "pg_copy_role": Key(
        one_of("own", "connection"),
        "own",
        "role that restores a copy and rehearses on it: own, an unprivileged role made for the copy wherever the "
        "connection may create roles, or that of the connection: functions of other roles then run with its rights",
    ),
    "pg_skip_backup": Key(flag, False, "migrate or roll back without a backup, and without a rehearsal on its copy"),
    "pg_full_proof_max_gib": Key(
        size,
        20,
        "size of a database in GiB up to which migrate.py and rollback.py take a dump; of a larger one they create a "
        "restore point that a physical backup covers, and rehearse on a copy of the structure",
    ),
    "pg_backup_check": Key(
        text,
        None,
        "command for sh on the host that ends with status 0 where a physical backup covers now, above "
        "pg_full_proof_max_gib; not set: Barman is asked where pg_barman is set, pgBackRest otherwise",
    ),
    "pg_barman": Key(
        text,
        None,
        "command for sh on the host that runs Barman, such as: ssh barman@backup barman. Its backup of the server then "
        "covers, above pg_full_proof_max_gib",
    ),
    "pg_physical_max_age_h": Key(
        seconds, 192.0, "age in hours of the newest backup of pgBackRest or Barman up to which it counts as a cover"
    ),
    "pg_backup": Key(
        label,
        None,
        "label of a backup, or latest: the one that restore.py restores, backup.py verifies again, or validate.py "
        "compares with",
    ),
    "pg_backup_of_other": Key(
        flag, False, "restore the backup that pg_backup names although it is of another database or server"
    ),
    "pg_backup_fetch": Key(text, None, "folder on the controller into which a verified backup is copied"),
    "pg_table": Key(text, None, "restore this table alone, into a schema of its own (restore.py only)"),
    "pg_confirm": Key(text, None, "name of the database, required where pg_needs_confirm is set"),
    "pg_needs_confirm": Key(flag, False, "restore and roll back only with pg_confirm=DATABASE; meant for group data"),
    "pg_on_conflict": Key(
        one_of("abort", "rename", "quarantine"),
        "abort",
        "rollback.py, rows that violate a unique constraint which is restored: refuse, rename those that do not have "
        "the default in the dropped columns, or move them to the quarantine with all rows that reference them",
    ),
    "pg_dependents": Key(
        one_of("abort", "quarantine"),
        "abort",
        "rollback.py, objects created outside the migrations that depend on objects to be dropped: refuse, or drop "
        "them and create them again when the migrations are applied again",
    ),
    "pg_build_from_mib": Key(
        size,
        32,
        "rollback.py: table size in MiB from which a restored index is built CONCURRENTLY before the rollback's "
        "transaction begins",
    ),
    "pg_quarantine_drop": Key(
        run,
        None,
        "status.py: delete for good what the rollback of this run kept; the first 8 characters of the run's id",
    ),
    "pg_drift_ignore": Key(
        patterns,
        None,
        "list of patterns of catalog lines that do not count as drift; * stands for any text: `index idx_tmp_*`",
    ),
    "pg_strict": Key(flag, False, "extra objects fail too, in validate.py and with pg_check"),
    "pg_compatibility": Key(
        flag,
        False,
        "validate.py and migrate.py: run sql/compatibility/*.sql, each in a transaction that is rolled back",
    ),
    "pg_report": Key(flag, True, "write report.json and report.html of the run, on the controller"),
    "pg_report_dir": Key(
        text, "reports", "folder of the reports on the controller, from where pyinfra was started; one folder a run"
    ),
    "pg_measure": Key(
        one_of("changes", "always", "never"),
        "changes",
        "when migrate.py measures the queries of sql/queries: when it changes something, always, or never, and then "
        "validate.py does not either",
    ),
    "pg_query_timeout_s": Key(seconds, 10.0, "time limit in seconds for a query that is measured"),
    "pg_regression_factor": Key(
        factor, 2.0, "a query fails when it reads more than this many times the buffers that it read before"
    ),
    "pg_writes": Key(
        one_of("running", "stopped"),
        "running",
        "validate.py and migrate.py: whether applications wrote since the backup; running: a row that differs is a "
        "warning, stopped: a failure",
    ),
    "pg_explain_mib": Key(
        size,
        64,
        "validate.py and migrate.py: size in MiB up to which a table that differs from the backup is restored into a "
        "separate database to name the rows",
    ),
    "pg_maintenance_database": Key(
        text, "postgres", "database to connect to when others are created, renamed and dropped"
    ),
    "pg_connect_timeout_s": Key(seconds, 10.0, "seconds to wait for a connection"),
    "pg_lock_timeout_s": Key(
        seconds,
        0.05,
        "longest wait in the queue for a table lock, in seconds; the first try waits a tenth of it",
    ),
    "pg_lock_poll_s": Key(seconds, 2.0, "seconds for which each try polls for its table locks without queueing"),
    "pg_lock_budget_s": Key(seconds, 120.0, "limit in seconds on all tries for the locks of one step"),
    "pg_run_wait_s": Key(seconds, 600.0, "seconds to wait for another run on the same database"),
    "pg_run_stale_s": Key(
        from_2_seconds,
        10.0,
        "seconds without a sign of life after which another run counts as dead; at work on backups, twice as long",
    ),
}
