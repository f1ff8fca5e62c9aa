"""What stands in the way of a rollback: rows that break a rule which comes back, and what others built. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.lines import SETTING, Catalog, Patch, definition_of, escaped, is_own, key_of, parts_of, unescaped
from ..errors import Kind, Refusal

_MOST_SHOWN = 20

_PLAIN_UNIQUE = re.compile(
    r"UNIQUE(?P<nulls> NULLS NOT DISTINCT)? (?P<columns>\([^()]*\))(?P<include> INCLUDE \([^()]*\))?(?P<ending> .*)?"
)


@dataclass(frozen=True)
class Rule:
    """An index, or a constraint of a table, that comes back where the script does not bring it.

    + kind: index or constraint
    + on: the table as SQL writes it
    + columns: of a unique one, as the catalog names them, unquoted; empty of any other
    + predicate: rows that it is for, as SQL; empty: all
    + nulls_distinct: whether two nulls are two values
    """

    kind: str
    name: str
    on: str
    definition: str
    columns: tuple[str, ...]
    predicate: str = ""
    nulls_distinct: bool = True

    @property
    def index(self) -> str:
        """The index of that name, as SQL writes it: its own, or the one of the constraint."""
        if self.kind == "index":
            return self.name
        schema = parts_of(self.on)[0]
        return f"{schema}.{self.name}" if schema else self.name

    @property
    def ahead(self) -> str:
        """The statement that builds it without a lock that keeps a writer out; empty where there is none."""
        if self.kind == "index":
            return re.sub(r"^CREATE (UNIQUE )?INDEX ", r"CREATE \1INDEX CONCURRENTLY ", self.definition)
        found = _PLAIN_UNIQUE.fullmatch(self.definition)
        if found is None:
            return ""
        unique = f"CREATE UNIQUE INDEX CONCURRENTLY {self.name} ON {self.on} USING btree {found['columns']}"
        return f"{unique}{found['include'] or ''}{found['nulls'] or ''}"

    @property
    def ending(self) -> str:
        """What follows when a constraint takes over its index."""
        found = _PLAIN_UNIQUE.fullmatch(self.definition)
        return "" if found is None else found["ending"] or ""


@dataclass(frozen=True)
class Conflict:
    """Rows that break a unique rule which comes back.

    + count: how many values stand more than once; stuck: in how many of them more than one is a default row
    + rows: how many rows are not
    + first: up to 20 of these values, each with what the columns that go say in its rows
    + names: up to 20 rows and the names that they would get; empty where the rule holds no name
    + hanging: the table and those that point at it, directly or not
    + has_key: whether the table has a primary key
    """

    rule: Rule
    count: int
    stuck: int
    rows: int
    first: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    names: tuple[tuple[str, str], ...]
    hanging: tuple[str, ...]
    has_key: bool


@dataclass(frozen=True)
class Dependent:
    """Something that others built on what goes, or that would go unnoticed with it.

    + key: as the catalog names it
    + gone: statement that drops it; made: statement that makes it again; None where that is not known
    """

    key: str
    gone: str | None
    made: str | None


@dataclass(frozen=True)
class KeptObject:
    """How something is made again on the way forward.

    + object: what it is
    + gone: statement that drops it; empty where it goes by itself
    + statements: make it again, with owner, grants and comments
    + lines: of the catalog that go with it
    """

    object: str
    gone: str
    statements: tuple[str, ...]
    lines: frozenset[str]


def refusal_for_rows(conflict: Conflict, on_conflict: str) -> Refusal | None:
    """Returns why rows that break a rule keep a rollback from running, or None where they can give way.

    + on_conflict: abort, rename or quarantine
    """
    columns = ", ".join(conflict.rule.columns)
    shown = "; ".join(f"({', '.join(keys)}) in {', '.join(says)}" for keys, says in conflict.first)
    more = f" and {conflict.count - len(conflict.first)} more" if conflict.count > len(conflict.first) else ""
    message = (
        f"cannot roll back: {conflict.count} duplicate ({columns}) value{'s' if conflict.count > 1 else ''} in table "
        f"{conflict.hanging[0]} would violate the unique rule that is restored"
    )
    found = f"Found {shown}{more}; expected each once, under the unique rule being restored. Nothing was changed."
    if conflict.stuck:
        return Refusal(
            Kind.CONFLICT,
            message,
            f"{found} In {conflict.stuck} of them more than one row has the default values, so none of them gives way.",
            "Rename or remove all but one of each by hand, then run again.",
        )
    if on_conflict == "abort":
        return Refusal(
            Kind.CONFLICT,
            message,
            found,
            "See what either would do: --dry --data pg_on_conflict=rename (the others get a name that says their "
            "variant) or quarantine (they move out, with the rows that reference them); going forward undoes both.",
        )
    if on_conflict == "rename" and not (conflict.names and conflict.has_key):
        lacking = "no text among these columns" if conflict.has_key else "no primary key"
        return Refusal(
            Kind.CONFLICT,
            f"{message}, and they cannot be renamed",
            f"{found} The table has {lacking}.",
            "Move them out instead: --data pg_on_conflict=quarantine",
        )
    return None


def refusal_for_dependents(dependents: Sequence[Dependent], *, keeps: bool) -> Refusal | None:
    """Returns why what others built keeps a rollback from running, or None.

    + keeps: what can be made again may be dropped
    """
    in_the_way = [one for one in dependents if not keeps or one.gone is None or one.made is None]
    if not in_the_way:
        return None
    names = [one.key for one in in_the_way[:_MOST_SHOWN]]
    more = f" and {len(in_the_way) - len(names)} more" if len(in_the_way) > len(names) else ""
    return Refusal(
        Kind.DEPENDENT,
        f"cannot roll back: {len(in_the_way)} object{'s' if len(in_the_way) > 1 else ''} created outside these "
        f"migrations depend{'' if len(in_the_way) > 1 else 's'} on objects that would be dropped",
        f"Found {'; '.join(names)}{more}; expected nothing that the migrations did not make. Nothing was changed.",
        "These cannot be kept: drop or change them by hand, then run again."
        if keeps
        else "Drop or change them, or have them dropped now and made again on the way forward: "
        "--data pg_dependents=quarantine",
    )


def together(refusals: Sequence[Refusal]) -> Refusal:
    """Returns all of them as one: who decides about one wants to know of the others."""
    first = refusals[0]
    if len(refusals) == 1:
        return first
    return Refusal(
        first.kind,
        "; and ".join(one.message for one in refusals),
        " ".join(one.detail for one in refusals),
        " And: ".join(one.hint for one in refusals),
    )


def kept_objects(dependents: Sequence[Dependent], patch: Patch, catalog: Catalog) -> Iterator[KeptObject]:
    """Yields how what goes, and is not the migrations' own, is made again, in that order.

    + patch: of the rollback: owner, grants and comments of what goes are kept too
    """
    going = {key_of(line) for line in patch.minus if not is_own(line)}
    going -= {key_of(line) for line in patch.plus if not is_own(line)}
    # Of what stays the migrations have changed it, and change it again.
    own = [line for line in patch.minus if is_own(line) and key_of(line) in going]
    # A table before its columns: what takes all rights on it back takes those on its columns, too.
    for key in sorted({key_of(line) for line in own}, key=lambda one: (one.startswith("column "), one)):
        lines = frozenset(line for line in own if key_of(line) == key)
        statements = tuple(_own_statements(key, lines))
        if any(not line.startswith("owner ") for line in lines) and statements:
            yield KeptObject(f"owner, grants and comment of {key}", "", statements, lines)
    for one in dependents:
        # The catalog itself names it; lines write some characters otherwise.
        of = escaped(one.key)
        kind, ident = of.split(" ", 1)
        parts = (f"column {ident}.", f"column{SETTING} {ident}.", f"{kind}{SETTING} {ident} ")
        lines = frozenset(
            line
            for line in catalog.lines
            if (key := key_of(line)) == of
            or (is_own(line) and key.startswith(parts[0]))
            or f"{key} ".startswith(parts[1:])
        )
        made = (one.made or "", *_own_statements(of, lines))
        yield KeptObject(one.key, one.gone or "", made, lines)


def _own_statements(key: str, lines: Collection[str]) -> Iterator[str]:
    """Yields the statements that give an object the owner, grants and comments of its lines."""
    yield from map(unescaped, _escaped_statements(key, lines))


def _escaped_statements(key: str, lines: Collection[str]) -> Iterator[str]:
    kind, ident = key.split(" ", 1)
    word = kind.replace("_", " ").upper()
    for line in lines:
        if line.startswith("owner "):
            yield f"ALTER {word} {ident} OWNER TO {definition_of(line)}"
    grants = sorted(line for line in lines if line.startswith("grant "))
    if grants and kind in ("table", "view", "materialized_view"):
        yield _REVOKE.format(
            word="TABLE", literal=ident.replace("'", "''"), catalog="class", column="rel", type="class", letter="r"
        )
    elif grants and kind in ("function", "procedure"):
        # Not PUBLIC alone: default privileges may have given it to others, from whom somebody had revoked it.
        literal = ident.replace("'", "''")
        yield _REVOKE.format(word=word, literal=literal, catalog="proc", column="pro", type="procedure", letter="f")
    for line in grants:
        of_kind, of_ident = key_of(line).split(" ", 1)
        found = re.fullmatch(r"(.*) ([A-Z]+)( with grant option)?", definition_of(line))
        if found is None:
            continue
        to = f"TO {found[1]}{' WITH GRANT OPTION' if found[3] else ''}"
        if of_kind == "column":
            table, column = parts_of(of_ident)
            yield f"GRANT {found[2]} ({column}) ON TABLE {table} {to}"
        elif of_kind in ("table", "view", "materialized_view"):
            yield f"GRANT {found[2]} ON TABLE {of_ident} {to}"
        else:
            yield f"GRANT {found[2]} ON {of_kind.upper()} {of_ident} {to}"
    for line in sorted(lines):
        of_kind, of_ident = key_of(line).split(" ", 1)
        text = definition_of(line)
        if line.startswith("comment ") and of_kind in ("constraint", "trigger", "policy", "rule"):
            table, name = parts_of(of_ident)
            yield f"COMMENT ON {of_kind.upper()} {name} ON {table} IS {text}"
        elif line.startswith("comment "):
            yield f"COMMENT ON {of_kind.replace('_', ' ').upper()} {of_ident} IS {text}"


_REVOKE = """DO $own$
DECLARE
    who text;
BEGIN
    FOR who IN
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_catalog.pg_{catalog} AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(
            COALESCE(c.{column}acl, pg_catalog.acldefault('{letter}', c.{column}owner))
        ) AS a
        WHERE c.oid = '{literal}'::reg{type}

        UNION
        SELECT quote_ident(pg_get_userbyid(c.{column}owner))
        FROM pg_catalog.pg_{catalog} AS c
        WHERE c.oid = '{literal}'::reg{type}
    LOOP
        EXECUTE 'REVOKE ALL ON {word} {literal} FROM ' || who;
    END LOOP;
END;
$own$"""
