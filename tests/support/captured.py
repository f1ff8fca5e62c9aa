"""Named states of a database, and what psql answered on each of them: captured once, read by the unit tests.

``python -m tests.capture`` makes every state on each of VERSIONS and writes tests/captured:

- ``all/NAME.json``: the state it begins with and what is otherwise than there, the same on all versions
- ``pgNN/NAME.json``: what is otherwise on that version alone

What differs from one run to the next (times, run ids, sizes) is written as a fixed value.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from pyinfra_pgmigrate.psql.answer import Answer, read_answer
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.registry.look import look, observed_in
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION, Observed, Verified
from pyinfra_pgmigrate.registry.verify import all_verified, verify
from pyinfra_pgmigrate.rollback.obstacles import Obstructions, obstacles, obstructions_in
from pyinfra_pgmigrate.rollback.plan import make_rollback
from pyinfra_pgmigrate.rollback.scripts import load_rollbacks
from pyinfra_pgmigrate.rollback.turn import Rollback
from pyinfra_pgmigrate.settings import Settings, read_settings
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support import hand_edits
from tests.support.application import OLD_RULE
from tests.support.contents import RUN
from tests.support.harness import Result, migrate, rollback
from tests.support.migrations import MIGRATIONS
from tests.support.registries import make_older
from tests.support.second_legacy import second_legacy
from tests.support.servers import SQL, Database, Server
from tests.support.variants import use_variants

FOLDER = Path(__file__).parents[1] / "captured"
# Of 15 and 17 nothing is captured yet: add them here, then make capture.
VERSIONS = (15, 16, 17, 18)
READER, OWNER = "captured_reader", "captured_owner"
_PASSWORD = "captured"

Document = dict[str, Any]

# What takes one statement back, with all that stands on it: (version, statement) -> SQL.
UNDO = {
    (1, 1): "ALTER TABLE project_equipment_groups DROP COLUMN variant_name",
    (1, 2): "ALTER TABLE project_roles DROP COLUMN variant_name",
    (1, 3): "DROP INDEX idx_project_equipment_groups_project_variant",
    (1, 4): "DROP INDEX idx_project_equipment_groups_variant",
    (1, 5): "DROP INDEX idx_project_roles_variant",
    (2, 1): "DROP TABLE project_variants",
    (2, 2): "DROP INDEX idx_project_variants_project",
    (2, 3): "DROP INDEX idx_project_variants_default",
    (2, 4): "DROP FUNCTION project_variants_set_updated_at CASCADE",
    (2, 5): "DROP TRIGGER set_updated_at ON project_variants",
    (2, 6): "ALTER TABLE project_variants DISABLE ROW LEVEL SECURITY",
    (2, 7): "DROP POLICY visible_project_all ON project_variants",
    (2, 8): "GRANT SELECT ON projects TO PUBLIC",
    (3, 1): "DELETE FROM project_variants",
    (5, 1): "DROP INDEX idx_project_equipment_groups_variant_lookup",
    (5, 2): "DROP INDEX idx_project_roles_variant_lookup",
    (
        6,
        1,
    ): "CREATE UNIQUE INDEX idx_project_equipment_groups_project ON project_equipment_groups (project_id, name)",
}
# Statements of the same migration that one needs.
_NEEDED = {
    (1, 3): [1],
    (1, 4): [1],
    (1, 5): [2],
    **{(2, later): [1] for later in (2, 3, 6, 7)},
    (2, 5): [1, 4],
    (2, 8): [1, 4],
}


# Ways to make a state of another one. Settings are those that the library reaches the database with.
Act = Callable[[Database, Mapping[str, Any]], None]


@dataclass(frozen=True)
class ByHand:
    """SQL; each statement in a transaction of its own, or all of them in one that is undone.

    + fails: the last one ends with an error, as it is meant to
    """

    text: str
    fails: bool = False

    def __call__(self, database: Database, _: Mapping[str, Any]) -> None:
        """Runs it."""
        try:
            for statement in split(self.text):
                database.run(statement.text)
        except psycopg.errors.UniqueViolation:
            if not self.fails:
                raise
            return
        if self.fails:
            raise RuntimeError("a statement that must fail did not")

    @property
    def fits_a_transaction(self) -> bool:
        """Whether all of it may run in one transaction."""
        return not self.fails and all(one.in_transaction for one in split(self.text))


def by_hand(text: str) -> Act:
    """Statements by hand."""
    return ByHand(text)


def statements(version: int, *numbers: int) -> Act:
    """Statements of a migration, by hand; all of them where no number is given."""
    chosen = MIGRATIONS[version - 1].statements
    return ByHand(";\n".join(one.text for one in chosen if not numbers or one.number in numbers))


def migrated(**data: Any) -> Act:
    """A run of migrate.py."""
    return lambda _, settings: _succeeded(migrate({**settings, **data}))


def rolled_back(**data: Any) -> Act:
    """A run of rollback.py."""
    return lambda database, settings: _succeeded(rollback({**settings, "pg_confirm": database.name, **data}))


def _succeeded(result: Result) -> None:
    if not result.ok:
        raise RuntimeError(result.text)


def stopped_at(index: str) -> Act:
    """A run of migrate.py that the server lets go no further than an index."""

    def act(database: Database, settings: Mapping[str, Any]) -> None:
        database.run(
            "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF current_query() ~ '\\y{index}\\y' THEN RAISE 'stopped'; END IF; END $$;"
            " CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION stop()"
        )
        result = migrate(settings)
        if result.ok or "stopped" not in result.text:
            raise RuntimeError(result.text)
        database.run("DROP EVENT TRIGGER stop; DROP FUNCTION stop()")

    return act


def _uses_variants(database: Database, _: Mapping[str, Any]) -> None:
    use_variants(database)


def _registry_of(version: int) -> Act:
    return lambda database, _: make_older(database, version)


@dataclass(frozen=True)
class Named:
    """A state of a database.

    + on: the state that it begins with; empty: it is made by ``Maker``
    + role: that asks; schema: that is asked about
    + obstacles: what stands in the way of a rollback is asked too
    """

    name: str
    on: str = ""
    acts: tuple[Act, ...] = ()
    role: str = ""
    schema: str = "public"
    obstacles: bool = False


def _all_states() -> Iterator[Named]:
    yield from (Named("empty"), Named("legacy", "empty"), Named("second", "empty"))
    yield from _by_hand()
    yield from _registered()
    yield from _in_the_way()
    yield from _drifted()


def _by_hand() -> Iterator[Named]:
    """Databases that no run of ours has seen."""
    for version in range(1, 7):
        before = f"hand-{version - 1}" if version > 1 else "legacy"
        yield Named(f"hand-{version}", before, (statements(version),) if version != 4 else ())
    for migration in MIGRATIONS:
        for one in migration.statements:
            key = (migration.version, one.number)
            name = f"{migration.version}-{one.number}"
            before = {3: "hand-2", 5: "hand-1"}.get(migration.version, "legacy")
            yield Named(f"missing-{name}", "hand-6", (by_hand(UNDO[key]),))
            yield Named(f"alone-{name}", before, (statements(migration.version, *_NEEDED.get(key, []), one.number),))
    for name, text in {
        "column": "ALTER TABLE project_roles ADD COLUMN variant_name varchar(20)",
        "index": "CREATE INDEX idx_project_roles_variant ON project_roles (project_id)",
        "table": "CREATE TABLE project_variants (id integer)",
        "view": "CREATE VIEW project_variants AS SELECT 1 AS id",
        "function": "CREATE FUNCTION project_variants_set_updated_at() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
    }.items():
        yield Named(f"conflict-{name}", "legacy", (by_hand(text),))
    yield Named("rule-renamed", "legacy", (by_hand(f"ALTER INDEX {OLD_RULE} RENAME TO one_name_a_project"),))
    rule = "ALTER TABLE project_equipment_groups ADD CONSTRAINT one_name UNIQUE (name, project_id)"
    yield Named("rule-constraint", "legacy", (by_hand(f"DROP INDEX {OLD_RULE}; {rule}"),))
    yield Named("rule-absent", "legacy", (by_hand(f"DROP INDEX {OLD_RULE}"),))
    for name in ("renamed", "constraint", "absent"):
        yield Named(f"rule-{name}-applied", f"rule-{name}", (migrated(),), obstacles=True)
    yield Named("hand-6-rule-back", "hand-6", (by_hand(rule),))
    yield Named("hand-6-invalid", "hand-6", (by_hand(_invalid("idx_project_roles_variant")),))
    yield Named("legacy-no-table", "legacy", (by_hand("DROP TABLE project_roles CASCADE"),))
    yield Named("legacy-as-reader", "legacy", role=READER)
    yield Named("legacy-nowhere", "legacy", schema="nowhere")


def _invalid(index: str) -> str:
    return f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass"


def _registered() -> Iterator[Named]:
    """Databases with a registry."""
    for version in range(1, 7):
        before = f"applied-{version - 1}" if version > 1 else "legacy"
        yield Named(f"applied-{version}", before, (migrated(pg_target=version),), obstacles=version in (2, 6))
    yield Named("second-applied", "second", (migrated(),), obstacles=True)
    yield Named("adopted-3", "hand-3", (migrated(pg_target=3),))
    yield Named("adopted-6", "hand-6", (migrated(),), obstacles=True)
    yield Named("resumed-6", "alone-1-2", (migrated(),))
    yield Named("interrupted-1-3", "legacy", (stopped_at("idx_project_equipment_groups_project_variant"),))
    yield Named("interrupted-1-4", "legacy", (stopped_at("idx_project_equipment_groups_variant"),))
    yield Named("interrupted-1-5", "legacy", (stopped_at("idx_project_roles_variant"),))
    yield Named("interrupted-5-2", "applied-4", (stopped_at("idx_project_roles_variant_lookup"),))
    yield Named("interrupted-1-5-undone", "interrupted-1-5", (by_hand(UNDO[1, 3]),))
    yield Named("interrupted-1-5-done", "interrupted-1-5", (statements(1, 5),))
    changed = "UPDATE pgmigrate.events SET checksum = 'another' WHERE version = 1"
    yield Named("interrupted-1-5-changed", "interrupted-1-5", (by_hand(changed),))
    yield from _registry_edits()
    for (version, number), text in UNDO.items():
        yield Named(f"drifted-{version}-{number}", "applied-6", (by_hand(text),))
    late = "DELETE FROM project_variants WHERE project_id = (SELECT min(project_id::text) FROM project_variants)::uuid"
    yield Named("verify-3", "applied-6", (by_hand(late),))
    empty = "UPDATE project_roles SET variant_name = '' WHERE id = (SELECT min(id::text) FROM project_roles)::uuid"
    yield Named("verify-4", "applied-6", (by_hand(empty),))
    yield Named("verify-3-adopted", "hand-6", (by_hand(late),))
    yield Named("verify-4-pending", "hand-3", (by_hand(empty),))
    yield Named("drifted-invalid", "applied-6", (by_hand(_invalid("idx_project_roles_variant")),))
    type_ = "ALTER TABLE project_variants ALTER COLUMN sort_order TYPE bigint"
    yield Named("drifted-type", "applied-6", (by_hand(type_),))
    yield Named("drifted-old-column", "applied-6", (by_hand("ALTER TABLE projects DROP COLUMN name CASCADE"),))


def _registry_edits() -> Iterator[Named]:
    """Registries that somebody had a hand in, or an earlier version of the library."""
    copied = (
        "INSERT INTO pgmigrate.runs SELECT (jsonb_populate_record(r, jsonb_build_object('run_id', gen_random_uuid(),"
        " 'finished_at', null, 'seen_at', now() + interval '1 h'))).* FROM pgmigrate.runs AS r LIMIT 1"
    )
    gone = (
        "INSERT INTO pgmigrate.migrations SELECT (jsonb_populate_record(m,"
        " jsonb_build_object('version', 7, 'name', '007_gone'))).* FROM pgmigrate.migrations AS m WHERE version = 6"
    )
    for name, text in {
        "lost": "DROP SCHEMA pgmigrate CASCADE",
        "table-lost": "DROP TABLE pgmigrate.events CASCADE",
        "column-lost": "ALTER TABLE pgmigrate.migrations DROP COLUMN added",
        "newer": "INSERT INTO pgmigrate.registry SELECT (jsonb_populate_record(r, '{\"version\": 99}')).*"
        f" FROM pgmigrate.registry AS r WHERE version = {REGISTRY_VERSION}",
        "without-3": "DELETE FROM pgmigrate.migrations WHERE version = 3",
        "without-5": "DELETE FROM pgmigrate.migrations WHERE version = 5",
        "without-6": "DELETE FROM pgmigrate.migrations WHERE version = 6",
        "changed-5": "UPDATE pgmigrate.migrations SET checksum = 'another' WHERE version = 5",
        "gone-7": gone,
        "run-at-work": copied,
        "no-catalogs": "DELETE FROM pgmigrate.catalogs",
    }.items():
        yield Named(f"registry-{name}", "applied-6", (by_hand(text),))
    yield Named("older-5", "registry-without-5", (by_hand(f"{UNDO[5, 1]}; {UNDO[5, 2]}"),))
    for version in range(1, REGISTRY_VERSION):
        yield Named(f"registry-{version}", "applied-6", (_registry_of(version),))
    yield Named("applied-6-as-reader", "applied-6", role=READER)


def _in_the_way() -> Iterator[Named]:
    """What a rollback meets, and what it leaves."""
    yield Named("used", "applied-6", (_uses_variants,), obstacles=True)
    for name, text in {
        "view": "CREATE VIEW theirs AS SELECT project_id, count(*) FROM project_variants GROUP BY project_id",
        "foreign-key": "CREATE TABLE theirs (variant uuid REFERENCES project_variants (id))",
        "index": "CREATE INDEX theirs ON project_roles (variant_name, role_id)",
        "trigger": "CREATE TRIGGER theirs BEFORE INSERT ON project_variants FOR EACH ROW"
        " EXECUTE FUNCTION project_variants_set_updated_at()",
        "policy": "CREATE POLICY theirs ON project_roles USING (variant_name = 'default')",
        "column": "ALTER TABLE project_variants ADD COLUMN theirs text",
    }.items():
        yield Named(f"extended-{name}", "applied-6", (by_hand(text),), obstacles=True)
    yield Named("rolled-back", "applied-6", (rolled_back(),))
    yield Named("rolled-back-renamed", "used", (rolled_back(pg_on_conflict="rename"),))
    yield Named("rolled-back-quarantined", "used", (rolled_back(pg_on_conflict="quarantine"),))
    yield Named("rolled-back-forward", "rolled-back-quarantined", (migrated(),))


def _some_edits() -> dict[str, hand_edits.Edit]:
    """Returns one edit of each kind of change and of object; tests/integration/test_drift.py has them all."""
    found: dict[tuple[str, ...], hand_edits.Edit] = {}
    for edit in hand_edits.EDITS:
        words = edit.key.split(" ")
        found.setdefault((edit.kind, *words[: 2 if words[0] in {"grant", "owner"} else 1]), edit)
    return {f"edit-{'-'.join(key)}": edit for key, edit in found.items()}


EDITS = _some_edits()


def in_ours(text: str) -> str:
    """Returns a text of ``hand_edits`` with the roles of the captured states."""
    return text.replace(hand_edits.READER, READER).replace(hand_edits.OWNER, OWNER)


def _drifted() -> Iterator[Named]:
    """All that ``hand_edits`` knows, on a database with one object at least of each kind."""
    yield Named("odd-legacy", "legacy", (by_hand(in_ours(hand_edits.STRUCTURE)),))
    yield Named("odd", "odd-legacy", (migrated(),), obstacles=True)
    for name, edit in EDITS.items():
        yield Named(name, "odd", (ByHand(in_ours(edit.sql), edit.fails),))
    comment = "COMMENT ON TABLE customers IS 'x'; COMMENT ON COLUMN notes.body IS NULL"
    partition = "CREATE TABLE readings_2027 PARTITION OF readings FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"
    options = "ALTER TABLE notes SET (fillfactor = 80); ALTER TABLE notes ALTER COLUMN word SET STATISTICS 500"
    for name, text in {"comment": comment, "partition": partition, "options": options, "analyze": "ANALYZE"}.items():
        yield Named(f"harmless-{name}", "odd", (by_hand(text),))


STATES = {one.name: one for one in _all_states()}


# Making states.


class Maker:
    """Makes states on one server; those that others begin with are kept until the end."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack
        self._kept: dict[str, Database] = {}
        self._as_owner: dict[str, Any] = {}
        self._suffix = ""
        for role in (READER, OWNER):
            server.administer(f"CREATE ROLE {{}} LOGIN PASSWORD '{_PASSWORD}'", role)
            stack.callback(server.administer, "DROP ROLE {}", role)

    @contextmanager
    def _database(self, name: str) -> Iterator[Database]:
        """Gives a database in a state, or one in which ``_in_transaction`` makes it."""
        if any(one.on == name for one in STATES.values()):
            yield self._parent(name)
        elif _in_transaction(STATES[name]) is not None:
            yield self._parent(STATES[name].on)
        else:
            with ExitStack() as stack:
                yield self._made(STATES[name], stack)

    def _parent(self, name: str) -> Database:
        if name not in self._kept:
            self._kept[name] = self._made(STATES[name], self._stack)
        return self._kept[name]

    def _made(self, state: Named, stack: ExitStack) -> Database:
        if state.name == "second":
            found = stack.enter_context(second_legacy(self.server))
            self._as_owner = {"pg_user": found.owner, "pg_password": found.password}
            self._suffix = found.owner.rpartition("_")[2]
            return found.database
        if state.name in {"empty", "legacy"}:
            return stack.enter_context(self.server.database(state.name))
        parent = self._parent(state.on)
        parent.close()
        # Under a name of its own: other tests make their databases of "legacy" too.
        kind = f"captured {state.on}"
        self.server.templates[kind] = parent.name
        database = stack.enter_context(self.server.database(kind))
        if self._of_second(state):
            self.server.administer("ALTER DATABASE {} OWNER TO {}", database.name, self._as_owner["pg_user"])
        for act in state.acts:
            act(database, self.settings(state, database, role=""))
        return database

    def _of_second(self, state: Named) -> bool:
        return state.name == "second" or bool(state.on and self._of_second(STATES[state.on]))

    def settings(self, state: Named, database: Database, *, role: str) -> dict[str, Any]:
        """Returns the settings with which the library reaches a database, as a role."""
        if role:
            return database.settings(pg_user=role, pg_password=_PASSWORD, pg_schema=state.schema)
        return database.settings(pg_schema=state.schema, **(self._as_owner if self._of_second(state) else {}))

    def document(self, name: str) -> Document:
        """Returns what psql answers on a state, with fixed values for what differs from run to run."""
        state = STATES[name]
        before = None if any(one.on == name for one in STATES.values()) else _in_transaction(state)
        with self._database(name) as database:
            settings = read_settings(self.settings(state, database, role=state.role))
            queries = {one.version: one.verify for one in MIGRATIONS if one.verify is not None}
            # In one process, each as in a session of its own.
            answer = _asked(
                [look(RUN, state.schema).script, verify(RUN, state.schema, queries).script], before, settings
            )
            found = _document(answer)
            if state.obstacles:
                turned = make_rollback(MIGRATIONS, load_rollbacks(SQL), _observed(answer), None)
                if not isinstance(turned, Rollback):
                    raise RuntimeError(f"{name}: {turned}")
                way = _asked([obstacles(turned, RUN, state.schema).script], before, settings)
                found["obstacles"] = _document(way)
        return normalized(found, database=database.name, suffix=self._suffix)


def _in_transaction(state: Named) -> str | None:
    """Returns the SQL that makes a state in a transaction that is undone; None where it has to be a database.

    Making and dropping a database takes ten times as long.
    """
    if not state.on or not all(isinstance(act, ByHand) and act.fits_a_transaction for act in state.acts):
        return None
    return "".join(f"{act.text};\n" for act in state.acts if isinstance(act, ByHand))


# How the scripts that ask begin and end their transactions.
_BEGIN = re.compile(r"^BEGIN.*;$", re.MULTILINE)
_END = re.compile(r"^ROLLBACK;$", re.MULTILINE)


def _asked(texts: Sequence[str], before: str | None, settings: Settings) -> Answer:
    """Returns the answer to scripts, one after the other.

    + before: SQL to run first, in a transaction of which the scripts' own are parts, and which is undone
    """
    parts = list(texts)
    if before is not None:
        inner = [_END.sub("ROLLBACK TO SAVEPOINT asked;", _BEGIN.sub("SAVEPOINT asked;", text)) for text in texts]
        parts = [f"BEGIN;\n{before}\n{text}\nROLLBACK;\n" for text in inner]
    command = psql_command("DISCARD ALL;\n".join(parts), settings.connection)
    password, body = command.stdin
    ended = subprocess.run(
        ["sh", "-c", command.line], input=f"{password}\n{body}", capture_output=True, text=True, check=True
    )
    return read_answer(ended.stdout.splitlines())


def _document(answer: Answer) -> Document:
    found: Document = {"status": answer.status, "errors": answer.errors}
    for word, value in answer.lines:
        if word == "verified":
            found.setdefault(word, {})[str(value["version"])] = value
        elif word in found:
            raise ValueError(f"{word} is there more than once")
        else:
            found[word] = value
    if "registry" in found:
        # By their version, so that one state can be told by what is otherwise than in another.
        registry = found["registry"]
        by_version = {
            name: {str(one["version"]): one for one in registry[name]} for name in ("migrations", "interrupted")
        }
        found["registry"] = {**registry, **by_version}
    return found


# The same values whenever and wherever a state is made.

_FIXED: Mapping[str, Any] = {
    "applied_at": "2026-01-01T00:00:00Z",
    "applied_by": "operator",
    "operator": "operator",
    "at": "2026-01-01 00:00",
    "age_s": 60,
    "seen_s": 1,
    "duration_ms": 1,
    "size_bytes": 8192,
    "index_bytes": 8192,
    "bytes": 8192,
    "data_directory": "/data",
}
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_PLACE = re.compile(r"psql:\S+?:\d+:")
# Lists that mean a set: sorted, one state can be told by what is otherwise than in another.
_SETS = frozenset(
    {"catalog", "added", "removed", "gone", "come", "gone_since_first", "noted_gone", "roles", "dependents"}
)


def normalized(found: Document, *, database: str, suffix: str) -> Document:
    """Returns an answer with fixed values for what differs from run to run.

    + database: its name; suffix: of the names of the second application's roles
    """
    ids: dict[str, str] = {}

    def text(value: str) -> str:
        value = value.replace(database, "shop").replace(f"_{suffix}", "") if suffix else value.replace(database, "shop")
        value = _PLACE.sub("psql:script.sql:1:", value)
        return _UUID.sub(lambda one: ids.setdefault(one[0], f"00000000-0000-4000-8000-{len(ids) + 1:012}"), value)

    def plain(value: Any, name: str = "") -> Any:
        if name in _FIXED and value is not None:
            return _FIXED[name]
        if isinstance(value, dict):
            return {text(key): plain(one, key) for key, one in sorted(value.items())}
        if isinstance(value, list):
            many = [plain(one) for one in value]
            return sorted(many, key=json.dumps) if name in _SETS else many
        return text(value) if isinstance(value, str) else value

    server = found.get("server")
    if server is not None:
        number = server["version_num"] // 10000
        ours = {"postgres", server["role"], READER, OWNER}
        roles = [one for one in server["roles"] if one in ours or one.startswith("pg_")]
        found["server"] = {**server, "version": str(number), "version_num": number * 10000, "roles": roles}
    if found.get("snapshots"):
        # Of sessions of the server that have nothing to do with the state.
        found["snapshots"] = []
    tables = found.get("obstacles", {}).get("sizes", {}).get("tables", {})
    tables.update(dict.fromkeys(tables, 8192))
    result: Document = plain(found)
    return result


# What is otherwise in one answer than in another, written as JSON.


def difference(before: Any, after: Any) -> Any:
    """Returns what makes one value of another; None where they are the same."""
    if before == after and type(before) is type(after):
        return None
    if isinstance(before, dict) and isinstance(after, dict):
        changed = {
            name: {"=": after[name]} if name not in before else change
            for name in after
            if name not in before or (change := difference(before[name], after[name])) is not None
        }
        return {"of": changed, "without": sorted(before.keys() - after.keys())}
    if _is_set(before) and _is_set(after):
        return {"-": sorted(set(before) - set(after)), "+": sorted(set(after) - set(before))}
    return {"=": after}


def _is_set(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(one, str) for one in value)
        and sorted(set(value), key=json.dumps) == value
    )


def changed(before: Any, change: Any) -> Any:
    """Returns what ``difference`` says that became of a value."""
    if change is None:
        return before
    if "=" in change:
        return change["="]
    if "of" in change:
        left = {name: one for name, one in before.items() if name not in change["without"]}
        return {**left, **{name: changed(before.get(name), one) for name, one in change["of"].items()}}
    return sorted((set(before) - set(change["-"])) | set(change["+"]), key=json.dumps)


def encoded(value: Any) -> str:
    """Returns a value as the files hold it: the same bytes for the same value."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _file(version: int | None, name: str) -> Path:
    return FOLDER / ("all" if version is None else f"pg{version}") / f"{name}.json"


def files_of(documents: Mapping[int, Mapping[str, Document]]) -> dict[Path, str]:
    """Returns the files that hold what was captured.

    + documents: by version and name; the newest version is the one that all others are compared with
    """
    found: dict[Path, str] = {}
    newest = documents[max(documents)]
    for name, state in STATES.items():
        common = difference(newest.get(state.on, {}), newest[name])
        found[_file(None, name)] = encoded(common)
        for version, captured in documents.items():
            derived = changed(captured.get(state.on, {}), common)
            if derived != captured[name]:
                found[_file(version, name)] = encoded(difference(derived, captured[name]))
    return found


# Reading.


@cache
def document(version: int, name: str) -> Document:
    """Returns what psql answered on a state."""
    on = STATES[name].on
    found: Document = document(version, on) if on else {}
    found = changed(found, json.loads(_file(None, name).read_text(encoding="utf-8")))
    own = _file(version, name)
    return changed(found, json.loads(own.read_text(encoding="utf-8"))) if own.exists() else found


def _answer(found: Document) -> Answer:
    """Returns the answer that a document was made of."""
    lines: list[tuple[str, Any]] = []
    for word, value in found.items():
        if word == "registry":
            lists = {name: list(value[name].values()) for name in ("migrations", "interrupted")}
            lines.append((word, {**value, **lists}))
        elif word == "verified":
            lines += [(word, one) for one in value.values()]
        elif word not in {"status", "errors", "obstacles"}:
            lines.append((word, value))
    return Answer(found["status"], tuple(lines), found["errors"])


def _observed(answer: Answer) -> Observed:
    found = observed_in(Answer(answer.status, tuple(one for one in answer.lines if one[0] != "verified")))
    if not isinstance(found, Observed):
        raise TypeError(str(found))
    return found


@cache
def observed(version: int, name: str) -> Observed:
    """Returns the database that psql described, read by the library; without answers of verify queries."""
    return _observed(_answer(document(version, name)))


def answer(version: int, name: str) -> Answer:
    """Returns the answer itself."""
    return _answer(document(version, name))


@cache
def verified(version: int, name: str) -> Mapping[int, Verified]:
    """Returns what all verify queries of the shipped migrations said."""
    found = all_verified(_answer(document(version, name)))
    if not isinstance(found, dict):
        raise TypeError(str(found))
    return found


@cache
def obstructions(version: int, name: str) -> Obstructions:
    """Returns what stands in the way of a rollback."""
    found = obstructions_in(_answer(document(version, name)["obstacles"]))
    if not isinstance(found, Obstructions):
        raise TypeError(str(found))
    return found


def told(version: int, names: Sequence[str], maker: Maker) -> dict[str, Any]:
    """Returns what a live server answers otherwise than what was captured, by state; empty where all is the same."""
    found = {name: difference(document(version, name), maker.document(name)) for name in names}
    return {name: change for name, change in found.items() if change is not None}
