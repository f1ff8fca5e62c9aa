"""Writes the reference pages that say what the code says: ``python docs/generate.py``, or ``make docs``.

Texts that belong to the code (meanings of host data, refusals, lint rules, columns of the registry) are taken from
there. What each key of a header means stands here, and a key of the code without a text here is an error.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pyinfra_pgmigrate.application import compatibility, queries, totals
from pyinfra_pgmigrate.cli import _parser as parser
from pyinfra_pgmigrate.errors import EXPLANATIONS, Kind
from pyinfra_pgmigrate.lint.rules import RULES
from pyinfra_pgmigrate.migrations import header
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.rollback import scripts
from pyinfra_pgmigrate.settings import KEYS, Key

FOLDER = Path(__file__).parent / "reference"

_NOTICE = "<!-- Made by `make docs` from the code; edit the code, not this page. -->"

# Host data by subject, in the order of the page.
_SUBJECTS: dict[str, tuple[str, ...]] = {
    "Connection": (
        "pg_database", "pg_databases", "pg_schemas", "pg_host", "pg_port", "pg_user", "pg_password", "pg_service",
        "pg_sslmode", "pg_sslrootcert", "pg_sslcert", "pg_sslkey", "pg_target_session_attrs", "pg_schema",
        "pg_search_path",
        "pg_bin_dir", "pg_connect_timeout_s", "pg_maintenance_database",
    ),
    "What to apply": (
        "pg_sql_dir", "pg_target", "pg_phase", "pg_applied", "pg_out_of_order", "pg_repair", "pg_release",
        "pg_batch_from", "pg_batch_rows", "pg_large_table_rows", "pg_stop_after",
    ),
    "Locks and waiting": (
        "pg_lock_poll_s", "pg_lock_timeout_s", "pg_lock_budget_s", "pg_run_wait_s",
        "pg_run_stale_s",
    ),
    "Backup and rehearsal": (
        "pg_backup_dir", "pg_backup_keep", "pg_backup_max_age_s", "pg_backup_fetch", "pg_jobs", "pg_compress",
        "pg_verify", "pg_verify_host", "pg_rehearse", "pg_copy_role", "pg_skip_backup",
        "pg_full_proof_max_gib", "pg_backup_check", "pg_barman", "pg_physical_max_age_h",
    ),
    "Restore": ("pg_backup", "pg_backup_of_other", "pg_table"),
    "Rollback": ("pg_on_conflict", "pg_dependents", "pg_build_from_mib", "pg_quarantine_drop"),
    "Confirmation": ("pg_needs_confirm", "pg_confirm"),
    "Validation and drift": (
        "pg_check", "pg_strict", "pg_drift_ignore", "pg_compatibility", "pg_writes", "pg_explain_mib", "pg_measure",
        "pg_query_timeout_s", "pg_regression_factor",
    ),
    "Reports": ("pg_report", "pg_report_dir"),
}  # fmt: skip

_MIGRATION_KEYS = {
    "purpose": "one line for people",
    "phase": "where the migration stands in a change of the application; `pg_phase` stops before a phase",
    "data": "`converge`: run again whenever the verify query finds problems (needs a verify file); `once` is the "
    "default",
    "batch": "`keyset`: each statement is run again and again, a transaction each, until its column `last_key` is "
    "null. It reads the last key from the setting `pgmigrate.batch_after` and the number of rows from "
    "`pgmigrate.batch_size`, and returns `last_key` and `row_count`",
    "repeatable": "`true`: each of its statements may run twice without harm; `false` is the default. Where the "
    "catalog cannot show whether a statement ran, it is run (again) only with this key",
    "removes": "patterns of catalog lines (`*` stands for any text, ` or ` between two) that it may remove besides "
    "those of its effect: for an object that has another name on some databases",
    "safe": "`<rule>[, <rule>] because <reason>`: accepts what `pgmigrate check` finds",
    "from": "tool and key of a migration that `pgmigrate import` took over: by them the tool's own table says whether "
    "it was applied",
}
_ROLLBACK_KEYS = {
    "purpose": "one line for people; required",
    "reverts": "the migrations that the script reverts, first and last: `001-006`; required",
    "keeps": "`TABLE.COLUMN[, TABLE.COLUMN]`: references (ON DELETE SET NULL or SET DEFAULT) whose rows stay when the "
    "row that they reference is moved to the quarantine",
}
_REQUIRES = "objects that the file needs besides those of every database, with commas between; see below"
_COMPATIBILITY_KEYS = {
    "purpose": "what the application does here, in one line; required",
    "role": "database role that does it; not set: the role of the connection",
    "until": "number of the migration from which on it may fail",
    "session": "`held`: one SELECT, prepared in a session that stays open on the copy and executed after each "
    "migration",
    "requires": _REQUIRES,
}
_QUERY_KEYS = {
    "purpose": "what the query is for, in one line; required",
    "since": "number of the migration before which it cannot run; it is measured only while that one is applied",
    "parameters": "for people: which row the first statement selects as `$1`, `$2`, ...",
    "requires": _REQUIRES,
}
_TOTALS_KEYS = {"purpose": "what must not change, in one line; required", "requires": _REQUIRES}


def pages() -> dict[str, str]:
    """Returns the text of each page by its file name in docs/reference."""
    return {
        "settings.md": _settings(),
        "refusals.md": _refusals(),
        "lint-rules.md": _lint_rules(),
        "header-keys.md": _header_keys(),
        "commands.md": _commands(),
        "registry.md": _registry(),
    }


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _NOTICE, *map(_wrapped, parts)]) + "\n"


def _wrapped(part: str) -> str:
    """Returns a paragraph in lines of the width of all pages; headings, tables, lists and code as they are."""
    if "\n" in part or part.startswith(("#", "|")):
        return part
    # Code is not broken: who searches for a command finds it.
    whole = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\0"), part)
    return textwrap.fill(whole, 118, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _same(found: Iterable[str], documented: Iterable[str], what: str) -> None:
    if others := set(found) ^ set(documented):
        raise ValueError(f"{what}: {sorted(others)} is in the code or in the texts, not in both")


def _expected(key: Key) -> str:
    """Returns the values that a key takes, in the words of its own refusal."""
    try:
        key.read(object())
    except ValueError as error:
        return str(error)
    raise ValueError(f"{key.meaning}: takes anything")


def _default(key: Key) -> str:
    if key.default is None:
        return ""
    return f"`{str(key.default).lower() if isinstance(key.default, bool) else key.default}`"


def _settings() -> str:
    _same(KEYS, (name for names in _SUBJECTS.values() for name in names), "host data")
    parts = [
        "Host data keys of the deploys: in the inventory, in its group data, or on the command line "
        "(`--data KEY=VALUE`). As keywords of a deploy they are written without `pg_`: "
        '`migrate_database(database="shop")`; a keyword overrides the host\'s own data.',
        "A `pg_` key that is not on this page is an error, and so is a value of another kind. Units are part of the "
        "name (`_s` seconds, `_mib` MiB). A key without a default is not set.",
    ]
    for subject, names in _SUBJECTS.items():
        rows = ((f"`{name}`", _expected(KEYS[name]), _default(KEYS[name]), KEYS[name].meaning) for name in names)
        parts += [f"## {subject}", _table(("key", "value", "default", "meaning"), rows)]
    return _page("Settings", *parts)


def _refusals() -> str:
    _same((kind.name for kind in Kind), (kind.name for kind in EXPLANATIONS), "refusals")
    return _page(
        "Refusals",
        "A refusal has three lines: the message; DETAIL, with what was found and what was expected; HINT, the one "
        "next step with its command. Each has one of the kinds below.",
        "Mistakes in settings and files of the SQL folder are found before any host is touched and stop the run for "
        "all hosts. Every other refusal stops one host; the others continue.",
        "What can be known before the first statement is refused before it. A step that fails is rolled back; the "
        "steps before it stay applied, and the next run resumes after them. A host that refused makes the exit "
        "status 1: [exit statuses](exit-statuses.md).",
        _table(
            ("kind", "what was found", "what to do"),
            ((kind.value, one.found, one.remedy) for kind, one in EXPLANATIONS.items()),
        ),
    )


def _lint_rules() -> str:
    parts = [
        "`pgmigrate check` judges each statement by its recorded effect (the locks it took, the tables it rewrote, "
        "the catalog lines it changed), not by its text. Each finding names file, line and rule, and the command exits "
        "with status 1. A migration accepts a finding with a reason in its header:",
        "```sql\n-- safe: blocking-index because the table has 40 rows\n```",
    ]
    for rule in RULES:
        parts += [
            f"## {rule.name}",
            rule.why,
            f"Bad:\n\n```sql\n{rule.bad}\n```",
            f"Good:\n\n```sql\n{rule.good}\n```",
            f"Hint of a finding: {rule.remedy}",
        ]
    return _page("Lint rules", *parts)


def _keys(
    title: str, where: str, texts: Mapping[str, str], values: Mapping[str, tuple[str, ...] | None]
) -> tuple[str, str, str]:
    _same(values, texts, title)
    rows = (
        (f"`{name}`", ", ".join(f"`{one}`" for one in values[name] or ()) or "text", text)
        for name, text in texts.items()
    )
    return f"## {title}", where, _table(("key", "value", "meaning"), rows)


def _header_keys() -> str:
    def free(keys: Iterable[str]) -> dict[str, tuple[str, ...] | None]:
        return dict.fromkeys(keys)

    return _page(
        "Header keys",
        "A header is the comment lines `-- key: value` at the top of a file. A line `--     more` continues the value "
        "of the line above; the first line that is not a comment ends the header. An unknown or repeated key, or a "
        "value that is not allowed, is refused with file and line.",
        *_keys("Migrations", "`sql/NNN_name.sql`", _MIGRATION_KEYS, header.HEADER_KEYS),
        "A migration may have no header at all, or one with some of these keys: its purpose is then its name, and its "
        "phase `data` where it consists of INSERT, UPDATE, DELETE, MERGE and SELECT alone, else `schema`.",
        *_keys("Rollback scripts", "`sql/rollback_NAME.sql`", _ROLLBACK_KEYS, free(scripts.HEADER_KEYS)),
        *_keys(
            "Compatibility files",
            "`sql/compatibility/NAME.sql`",
            _COMPATIBILITY_KEYS,
            free(compatibility.HEADER_KEYS),
        ),
        *_keys("Queries", "`sql/queries/NAME.sql`", _QUERY_KEYS, free(queries.HEADER_KEYS)),
        *_keys("Totals", "`sql/totals/NAME.sql`", _TOTALS_KEYS, free(totals.HEADER_KEYS)),
        "## Values of requires",
        "`table NAME`, `column TABLE.COLUMN`, `view NAME`, `function NAME`, `function NAME(TYPE, ...)`, `type NAME`, "
        '`extension NAME`. Names are written as in SQL, `"Quoted"` where needed; without a schema they mean '
        "`pg_schema`. What happens where one of them is missing: [files that do not apply to every database]"
        "(../guides/validation.md#files-that-do-not-apply-to-every-database).",
    )


def _commands() -> str:
    root = parser()
    (commands,) = (action for action in root._actions if isinstance(action, argparse._SubParsersAction))
    parts = [
        "`pgmigrate` writes, records and checks migrations on the controller. It does not connect to the databases of "
        "an inventory; pyinfra does that with the deploys: [the six verbs](../../README.md#the-six-verbs). "
        "`pgmigrate --help` and `pgmigrate COMMAND --help` print the same.",
        "Exit status: 0; 1 for a refusal or a finding; 2 for wrong usage; 128 plus the number of the signal when a "
        "signal stopped it, after it dropped its scratch database.",
    ]
    for choice in commands._choices_actions:
        command = commands.choices[choice.dest]
        words = [_usage(action) for action in command._actions if action.dest != "help"]
        rows = [(f"`{_name(action)}`", action.help or "") for action in command._actions if action.dest != "help"]
        parts += [
            f"## pgmigrate {choice.dest}",
            f"{(choice.help or '').capitalize()}.",
            "```text\n" + " ".join(["pgmigrate", choice.dest, *words]) + "\n```",
            _table(("argument", "meaning"), rows),
        ]
    return _page("Commands", *parts)


def _name(action: argparse.Action) -> str:
    if action.nargs == 0:
        # Given or not given.
        return action.option_strings[-1]
    value = str(action.metavar or action.dest).upper()
    return f"{action.option_strings[-1]} {value}" if action.option_strings else value


def _usage(action: argparse.Action) -> str:
    is_optional = action.option_strings or action.nargs == "?"
    return f"[{_name(action)}]" if is_optional else _name(action)


_CREATED = re.compile(r"^CREATE TABLE pgmigrate\.(\w+) \(\n(.*?)^\);", re.MULTILINE | re.DOTALL)
_ALTERED = re.compile(r"^ALTER TABLE pgmigrate\.(\w+)\n(.*?);", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^(?:    |ADD COLUMN )(\w+) (\w+(?: precision)?(?:\[\])?)(?= |,|;|$)", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT ON (TABLE|COLUMN) pgmigrate\.([\w.]+) IS '((?:[^']|'')*)';", re.MULTILINE)


def _registry() -> str:
    types: dict[str, str] = {}
    comments: dict[str, str] = {}
    for version in range(1, REGISTRY_VERSION + 1):
        text = read_sql(f"registry/registry_{version}")
        for table, body in [*_CREATED.findall(text), *_ALTERED.findall(text)]:
            for name, kind in _COLUMN.findall(body):
                types[f"{table}.{name}"] = kind
        for _, name, comment in _COMMENT.findall(text):
            comments[name] = comment.replace("''", "'")
    tables = [name for name in comments if "." not in name]
    _same(types, (name for name in comments if "." in name), "columns of the registry")
    parts = [
        "The registry is the schema `pgmigrate` of each database, created by the first run that writes to it. A step "
        "writes its rows in its own transaction. The comments below are those of the database itself (`\\d+` in psql).",
        f"Version of the structure: {REGISTRY_VERSION}. An older registry is upgraded by the first run that writes; a "
        "newer one is refused. Tables `quarantine_N` beside these hold the rows that a rollback dropped.",
    ]
    for table in tables:
        rows = [
            (f"`{column}`", types[f"{table}.{column}"], comments[f"{table}.{column}"])
            for column in _columns(types, table)
        ]
        parts += [f"## {table}", comments[table], _table(("column", "type", "meaning"), rows)]
    return _page("Registry", *parts)


def _columns(types: Mapping[str, str], table: str) -> Iterator[str]:
    for name in types:
        if name.startswith(f"{table}."):
            yield name.split(".")[1]


def main() -> int:
    """Writes the pages and says which changed; returns the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
