"""Makes named states on a server, and asks psql about each."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from pyinfra_pgmigrate.psql.answer import Answer, read_answer
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.registry.look import look
from pyinfra_pgmigrate.registry.verify import verify
from pyinfra_pgmigrate.rollback.obstacles import obstacles
from pyinfra_pgmigrate.rollback.plan import make_rollback
from pyinfra_pgmigrate.rollback.scripts import load_rollbacks
from pyinfra_pgmigrate.rollback.turn import Rollback
from pyinfra_pgmigrate.settings import Settings, read_settings

from tests.support.acts import ByHand
from tests.support.captured import Document, document, observed_by
from tests.support.changes import difference
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.second_legacy import second_legacy
from tests.support.servers import SQL, Database, Server
from tests.support.states import OWNER, READER, STATES, Named

_PASSWORD = "captured"


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
                turned = make_rollback(MIGRATIONS, load_rollbacks(SQL), observed_by(answer), None)
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

    # Of the server and the moment, not of the state.
    found.pop("identity", None)
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


def told(version: int, names: Sequence[str], maker: Maker) -> dict[str, Any]:
    """Returns what a live server answers otherwise than what was captured, by state; empty where all is the same."""
    found = {name: difference(document(version, name), maker.document(name)) for name in names}
    return {name: change for name, change in found.items() if change is not None}
