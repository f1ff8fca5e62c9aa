"""What of a dump takes more than a database of one's own: owners, rights, event triggers, publications. Pure.

A copy is restored by a role that owns all of it and has no power beyond it (see ``copies``). What that role cannot do
is read here from the dump's own statements, by PostgreSQL's grammar and by nothing else: a text that somebody wrote
into a function or a comment is never taken for a statement.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..psql.script import Run, catalog_read, flag, items, joined, session_of, setting, settings_of
from ..resources import read_sql
from ..sqltext.grammar import SqlSyntaxError, code, name_of_code, parse, walk
from ..sqltext.parser import SERVER_KINDS

# What pg_dump puts its text between, with a random word; psql's, not PostgreSQL's.
_RESTRICT = re.compile(r"(?:(?:--[^\n]*)?\n)*?\\restrict (\w+)\n")

# Fields of nodes that name an object, besides lists of names.
_NAMES = ("relname", "trigname", "evtname", "pubname")


@dataclass(frozen=True)
class Powered:
    """A statement of a dump that takes more than the role of a copy has.

    + what: it is about: owner, rights, default privileges, event trigger, publication, grantor or database
    """

    text: str
    what: str

    @property
    def lasts(self) -> bool:
        """Whether a copy keeps it: migrations may add a table to a publication."""
        return self.what == "publication"

    @property
    def roles(self) -> frozenset[str]:
        """The roles that it names, but for PUBLIC."""
        return roles_in(self.text)

    @property
    def names(self) -> frozenset[str]:
        """The names of the objects that it is about, without their schema; of default privileges the roles."""
        if self.what == "default privileges":
            return self.roles
        return frozenset(_names(parse(self.text).stmts[0].stmt))


def powered(script: str) -> list[Powered]:
    """Returns the statements of a dump that set owners and rights, or make what a superuser alone can make.

    + script: as pg_restore prints the structure of a dump
    Event triggers come last: they would fire for the others. None of the others runs code that a database holds.
    Raises ValueError for a script that the grammar does not know.
    """
    if (found := _RESTRICT.match(script)) is not None:
        script = script[found.end() :].rstrip().removesuffix(f"\\unrestrict {found[1]}")
    try:
        statements = parse(script).stmts
    except SqlSyntaxError as error:
        raise ValueError(f"the statements of the dump cannot be read: {error.message}") from error
    data = script.encode()
    first: list[Powered] = []
    last: list[Powered] = []
    for raw in statements:
        kind = raw.stmt.WhichOneof("node")
        what = _what(kind, getattr(raw.stmt, kind))
        if what:
            end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(data)
            text = _without_comments(data[raw.stmt_location : end].decode())
            (last if what == "event trigger" else first).append(Powered(text, what))
    return first + last


def owner_of_database(database: str, owner: str) -> Powered:
    """Returns the statement that gives a database to a role.

    >>> owner_of_database("my copy", "app").text
    'ALTER DATABASE "my copy" OWNER TO "app"'
    """
    text = f"ALTER DATABASE {_quoted(database)} OWNER TO {_quoted(owner)}"
    return Powered(text, "database")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _without_comments(text: str) -> str:
    while (text := text.lstrip()).startswith("--"):
        text = text.partition("\n")[2]
    return text


def _what(kind: str, node: Any) -> str:
    """Returns what a statement is about, where it is one of those."""
    match kind:
        case "alter_owner_stmt" if _kind(node.object_type) not in SERVER_KINDS:
            # Made last, it gets its owner last.
            return "event trigger" if _kind(node.object_type) == "OBJECT_EVENT_TRIGGER" else "owner"
        case "alter_table_stmt" if all(_changes_owner(one.alter_table_cmd) for one in node.cmds):
            return "owner"
        case "grant_stmt" if _kind(node.objtype) not in SERVER_KINDS:
            return "rights"
        case "alter_default_privileges_stmt":
            return "default privileges"
        case "create_event_trig_stmt" | "alter_event_trig_stmt":
            return "event trigger"
        case "create_publication_stmt" | "alter_publication_stmt":
            return "publication"
        case "comment_stmt" if _kind(node.objtype) == "OBJECT_EVENT_TRIGGER":
            return "event trigger"
        case "comment_stmt" if _kind(node.objtype) == "OBJECT_PUBLICATION":
            return "publication"
        case "variable_set_stmt" if node.name == "session_authorization":
            return "grantor"
    return ""


def _kind(number: int) -> str:
    return name_of_code("ObjectType", number)


def _changes_owner(command: Any) -> bool:
    return bool(command.subtype == code("AlterTableType", "AT_ChangeOwner"))


def _roles(node: Any) -> Iterator[str]:
    for inner in walk(node):
        found: Any = inner
        if found.DESCRIPTOR.name == "RoleSpec" and found.roletype == code("RoleSpecType", "ROLESPEC_CSTRING"):
            yield found.rolename


def _names(node: Any) -> Iterator[str]:
    if node.WhichOneof("node") == "create_event_trig_stmt":
        # Its lists are of tags.
        yield node.create_event_trig_stmt.trigname
        return
    for inner in walk(node):
        found: Any = inner
        for field in _NAMES:
            if name := getattr(found, field, ""):
                yield name
        match found.DESCRIPTOR.name:
            case "ObjectWithArgs":
                yield found.objname[-1].string.sval
            case "List" if found.items and found.items[-1].HasField("string"):
                yield found.items[-1].string.sval
            case "AlterOwnerStmt" if found.object.HasField("string"):
                yield found.object.string.sval
            case "GrantStmt":
                yield from (one.string.sval for one in found.objects if one.HasField("string"))


def roles_in(statement: str) -> frozenset[str]:
    """Returns the roles that a statement names, but for PUBLIC; none of what the grammar does not know.

    >>> sorted(roles_in('CREATE POLICY p ON t TO app, "Other"'))
    ['Other', 'app']
    """
    try:
        return frozenset(role for one in parse(statement).stmts for role in _roles(one.stmt))
    except SqlSyntaxError:
        return frozenset()


def is_beyond_a_copy(node: str, statement: str) -> bool:
    """Tells whether a statement of a migration only says who owns or does something: no copy has other roles.

    + node: of the grammar, as ``Statement`` has it

    >>> is_beyond_a_copy("alter_table_stmt", "ALTER TABLE t OWNER TO app")
    True
    >>> is_beyond_a_copy("alter_table_stmt", "ALTER TABLE t ADD COLUMN c integer, OWNER TO app")
    False
    >>> is_beyond_a_copy("variable_set_stmt", "SET LOCAL ROLE app")
    True
    """
    if node not in ("alter_owner_stmt", "alter_table_stmt", "alter_default_privileges_stmt", "variable_set_stmt"):
        return False
    parsed = getattr(parse(statement).stmts[0].stmt, node)
    if node == "variable_set_stmt":
        return str(parsed.name) in ("role", "session_authorization")
    if node == "alter_default_privileges_stmt":
        return any(option.def_elem.defname == "roles" for option in parsed.options)
    return _what(node, parsed) == "owner"


@dataclass(frozen=True)
class Left:
    """What could not be done with the owners and rights of a copy, and what therefore was not compared.

    + notes: for people
    + roles: that the server does not have; names: of objects whose owner or rights are otherwise for that reason
    + made: names of event triggers and publications that are not there
    + defaults: roles whose default privileges were not set
    """

    notes: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()


_NOTED_NAMES = 100


def left_out(failed: Sequence[tuple[Powered, str, str]], roles: Sequence[str]) -> Left:
    """Returns what statements that failed leave out.

    + failed: each with SQLSTATE and message, as owners.sql tells them
    + roles: that the server has
    """
    missing: dict[str, None] = {}
    others: dict[tuple[str, str, str], dict[str, None]] = {}
    names: set[str] = set()
    made: set[str] = set()
    defaults: set[str] = set()
    for statement, sqlstate, message in failed:
        gone = [role for role in sorted(statement.roles) if role not in roles]
        {"event trigger": made, "publication": made, "default privileges": defaults}.get(statement.what, names).update(
            statement.names
        )
        missing.update(dict.fromkeys(gone))
        if not gone and statement.what not in ("grantor", "database"):
            to = ", ".join(sorted(statement.roles)) if statement.what == "owner" else ""
            others.setdefault((statement.what, to, f"{message} (SQLSTATE {sqlstate})"), {}).update(
                dict.fromkeys(sorted(statement.names))
            )
    return Left(
        notes=tuple(
            [f'role "{role}" is not on the server: what it owns or may do was left out' for role in missing]
            + [_note(what, to, why, list(found)) for (what, to, why), found in _joined(others).items()]
        ),
        roles=frozenset(missing),
        names=frozenset(names),
        made=frozenset(made),
        defaults=frozenset(defaults),
    )


def _joined(others: Mapping[tuple[str, str, str], Mapping[str, None]]) -> dict[tuple[str, str, str], dict[str, None]]:
    """Returns the same with one entry for each subject and role: messages of a server name each object."""
    found: dict[tuple[str, str], tuple[str, dict[str, None]]] = {}
    for (what, to, why), names in others.items():
        found.setdefault((what, to), (why, {}))[1].update(names)
    return {(what, to, why): names for (what, to), (why, names) in found.items()}


def _note(what: str, to: str, why: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NOTED_NAMES])
    more = f" and {len(names) - _NOTED_NAMES} more" if len(names) > _NOTED_NAMES else ""
    subject = {
        "owner": f"owner {to} was not set on the copy and not compared, of",
        "rights": "rights were not set on the copy and not compared, on",
        "default privileges": "default privileges were not set on the copy and not compared, of",
    }.get(what, f"{what} was not made on the copy and not compared:")
    return f"{subject} {shown}{more}: {why}"


def verifier(password: str) -> str:
    """Returns what the server keeps of a password, so that the password itself is in no statement and no log.

    Source: RFC 5802 and 7677; src/common/scram-common.c. A role that has it may log in by scram-sha-256 and by md5.

    >>> verifier("x").partition(":")[0]
    'SCRAM-SHA-256$4096'
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256$4096:{_base64(salt)}${_base64(client)}:{_base64(server)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class Owning:
    """What is done to a copy with the rights of the connection.

    + made: statements for what stays in any case; owned: for owners and rights; last: those that would fire for others
    + role: of the copy; empty where it has none of its own
    + ends: that role owns nothing of it any more after that
    + lasts: owners and rights stay; else they are undone
    + restored: of the event that the registry gets, values by name; None: it gets none
    """

    made: Sequence[str]
    owned: Sequence[str]
    last: Sequence[str]
    role: str
    ends: bool
    lasts: bool
    restored: Mapping[str, str] | None = None


def owners(owning: Owning, run: Run, schema: str) -> str:
    """Returns the script that sets owners and rights in a copy and tells its catalog then.

    Event triggers are made when all else is done: they fire for statements, and from PostgreSQL 17 on for a login.
    """
    values = {
        "role": owning.role,
        "has_role": flag(bool(owning.role)),
        "tool_version": run.tool_version,
        "operator": run.operator,
        "controller": run.controller,
        **({} if owning.restored is None else owning.restored),
    }
    return joined(
        [
            *session_of(run, schema, "owners"),
            settings_of(values),
            *([read_sql("copies/close_copy")] if owning.ends else []),
            *_tolerantly(["BEGIN;"], owning.made, ["COMMIT;"]),
            *_tolerantly(
                ["BEGIN;", read_sql("copies/take_back")],
                owning.owned,
                [read_sql("copies/close_owned")] if owning.ends else [],
            ),
            *([] if owning.restored is None else [read_sql("copies/restored")]),
            *_tolerantly([], owning.last, []),
            catalog_read(of_all=True),
            # No table is read: a plan calls functions of the indexes of a table.
            read_sql("catalog/catalog_lines"),
            "COMMIT;" if owning.lasts else "ROLLBACK;",
            *([] if owning.ends else [read_sql("copies/hand_publications")]),
        ]
    )


def _tolerantly(before: Sequence[str], statements: Sequence[str], after: Sequence[str]) -> list[str]:
    return [*before, setting("statements", items(statements)), read_sql("copies/owners"), *after]
