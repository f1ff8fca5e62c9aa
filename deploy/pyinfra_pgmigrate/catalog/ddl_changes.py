"""SQL that leads from an object that is otherwise to what its catalog lines should be. Pure: text for people to run.

Beside ``repairs``, which makes what is missing and drops what is extra.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from .ddl import (
    Statements,
    alter_constraint,
    column_sql,
    drop,
    make,
    make_function,
    make_index,
    make_rule,
    make_trigger,
    make_view,
    reset_setting,
    set_row_security,
    set_sequence,
    set_setting,
    together,
    trigger_state,
)
from .grants import own_back
from .lines import INVALID, SETTING, definition_of, key_of, parts_of
from .names import name_of, place_of
from .parts import IDENT, column_of, function_of, is_property


def change(gone: Collection[str], come: Collection[str], domains: Collection[str] = ()) -> Statements:
    """Returns what leads from the lines of an object as they are to those that it should have.

    + gone: the lines that should be there; come: those that are
    """
    old = next((line for line in gone if not is_property(line)), next(iter(gone)))
    new = next((line for line in come if not is_property(line)), next(iter(come)))
    kind = old.split(" ", 1)[0]
    if kind in _CHANGERS:
        return _CHANGERS[kind](old, new)
    match kind:
        case "constraint":
            return _change_constraint(old, new, domains)
        case "view":
            return make_view(old, [line for line in gone if line.startswith("view_setting ")])
        case "rule":
            return _change_rule(old, new)
        case "policy" | "statistics" | "publication_table":
            dropped, made = drop(new), make([old])
            return together([*dropped, *made]) if dropped and made else None
        case "owner":
            return [own_back(old)]
    return None


def change_property(old: str, new: str) -> Statements:
    """Returns what leads back to a line that tells a property of an object, and not the object itself.

    + old, new: the line that should be there and the one that is; empty where it is as usual
    """
    kind, name = key_of(old or new).split(" ", 1)
    if kind.endswith(SETTING):
        return set_setting(old) if old else reset_setting(new)
    match kind:
        case "trigger_state":
            table, trigger = parts_of(name)
            word = {"ENABLED": "ENABLE", "DISABLED": "DISABLE"}.get(definition_of(old)) if old else "ENABLE"
            return [f"ALTER TABLE {table} {word} TRIGGER {trigger}"] if word else None
        case "identity":
            words = definition_of(old) if old else "start 1 increment 1 minvalue 1 cache 1"
            numbers = dict(re.findall(r"(start|increment|minvalue|maxvalue|cache) (-?\d+)", words))
            table, column = parts_of(name)
            most = f"SET MAXVALUE {numbers['maxvalue']}" if "maxvalue" in numbers else "SET NO MAXVALUE"
            return [
                f"ALTER TABLE {table} ALTER COLUMN {column} SET START WITH {numbers['start']} "
                f"SET INCREMENT BY {numbers['increment']} SET MINVALUE {numbers['minvalue']} {most} "
                f"SET CACHE {numbers['cache']} SET {'CYCLE' if words.endswith(' cycle') else 'NO CYCLE'}"
            ]
    return None


def _change_rule(old: str, new: str) -> Statements:
    made = make_rule(old)
    state = re.compile(r" enabled [DAR]$")
    return made[1:] if made and state.sub("", old) == state.sub("", new) else made


def _change_index(old: str, new: str) -> Statements:
    if old == new.removesuffix(INVALID):
        return [f"REINDEX INDEX CONCURRENTLY {name_of(old)}"]
    dropped, made = drop(new), make_index(old)
    return [*dropped, *made] if dropped and made else None


def _change_constraint(old: str, new: str, domains: Collection[str]) -> Statements:
    table, name = place_of(old)
    wanted, found = definition_of(old), definition_of(new)
    if new.startswith("definition "):
        schema = parts_of(table)[0]
        return [f"REINDEX INDEX CONCURRENTLY {f'{schema}.{name}' if schema else name}"]
    if new.startswith("constraint_disabled "):
        return [f"ALTER TABLE {place_of(old)[0]} ENABLE TRIGGER ALL"]
    if found == f"{wanted} NOT VALID":
        return [alter_constraint(old, domains, f"VALIDATE CONSTRAINT {name}")]
    timing = re.compile(r"( DEFERRABLE)?( INITIALLY DEFERRED)?$")
    if wanted.startswith("FOREIGN KEY") and timing.sub("", wanted, 1) == timing.sub("", found, 1):
        deferrable = " DEFERRABLE" if " DEFERRABLE" in wanted else " NOT DEFERRABLE"
        initially = " INITIALLY DEFERRED" if " INITIALLY DEFERRED" in wanted else " INITIALLY IMMEDIATE"
        return [f"ALTER TABLE {place_of(old)[0]} ALTER CONSTRAINT {name}{deferrable}{initially}"]
    if place_of(old)[0] in domains:
        return together(
            [alter_constraint(old, domains, f"{one} CONSTRAINT {name}") for one in ("DROP",)]
            + [alter_constraint(old, domains, f"ADD CONSTRAINT {name} {wanted}")]
        )
    return [f"ALTER TABLE {place_of(old)[0]} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {wanted}"]


def _change_column(old: str, new: str) -> Statements:
    table, name = place_of(old)
    wanted, found = column_of(old), column_of(new)
    if wanted.generated and (wanted.generated, wanted.how) != (found.generated, found.how):
        return [f"ALTER TABLE {table} DROP COLUMN {name}, ADD COLUMN {name} {column_sql(wanted)}"]
    actions = []
    if found.generated and not wanted.generated:
        actions.append("DROP EXPRESSION")
    if found.identity and not wanted.identity:
        actions.append("DROP IDENTITY")
    if (wanted.type, wanted.collation) != (found.type, found.collation):
        if found.default:
            actions.append("DROP DEFAULT")
        collation = f" COLLATE {wanted.collation}" if wanted.collation else ""
        actions.append(f"TYPE {wanted.type}{collation} USING {name}::{wanted.type}")
    if wanted.not_null != found.not_null:
        actions.append("SET NOT NULL" if wanted.not_null else "DROP NOT NULL")
    if wanted.default and (wanted.default != found.default or "DROP DEFAULT" in actions):
        actions.append(f"SET DEFAULT {wanted.default}")
    elif found.default and not wanted.default and "DROP DEFAULT" not in actions:
        actions.append("DROP DEFAULT")
    if wanted.identity and not found.identity:
        actions.append(f"ADD GENERATED {wanted.identity.upper()} AS IDENTITY")
    elif wanted.identity != found.identity and wanted.identity:
        actions.append(f"SET GENERATED {wanted.identity.upper()}")
    if not actions:
        return None
    if "DROP DEFAULT" in actions and any(one.startswith("SET DEFAULT") for one in actions):
        # One ALTER TABLE runs both in its own order; the old default may not fit the type.
        return together([f"ALTER TABLE {table} ALTER COLUMN {name} {one}" for one in actions])
    return [f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {name} {one}" for one in actions)]


def _change_table(old: str, new: str) -> Statements:
    table = name_of(old)
    wanted, found = old, new
    actions = []
    if (" unlogged" in wanted) != (" unlogged" in found):
        actions.append(f"ALTER TABLE {table} SET {'UNLOGGED' if ' unlogged' in wanted else 'LOGGED'}")
    part = re.compile(rf" partition of ({IDENT}) ((?:FOR VALUES|DEFAULT).*)$")
    attached, now = part.search(wanted), part.search(found)
    if (attached and attached.groups()) != (now and now.groups()):
        if now:
            actions.append(f"ALTER TABLE {now[1]} DETACH PARTITION {table}")
        if attached:
            actions.append(f"ALTER TABLE {attached[1]} ATTACH PARTITION {table} {attached[2]}")
    inherits = re.compile(rf" inherits \(({IDENT}(?:, {IDENT})*)\)")
    parents, has = inherits.search(wanted), inherits.search(found)
    wants = set(re.findall(IDENT, parents[1])) if parents else set()
    is_of = set(re.findall(IDENT, has[1])) if has else set()
    actions += [f"ALTER TABLE {table} NO INHERIT {one}" for one in sorted(is_of - wants)]
    actions += [f"ALTER TABLE {table} INHERIT {one}" for one in sorted(wants - is_of)]
    return actions or None


def _change_trigger(old: str, new: str) -> Statements:
    table, name = place_of(old)
    (wanted, action), (found, _) = trigger_state(old), trigger_state(new)
    if wanted == found:
        return [f"ALTER TABLE {table} {action} {name}"]
    made = make_trigger(old)
    return None if made is None else together([f"DROP TRIGGER {name} ON {table}", *made])


def _change_function(old: str, new: str) -> Statements:
    wanted, found = function_of(old), function_of(new)
    made = make_function(old)
    if wanted is None or found is None or made is None:
        return made
    if (wanted.arguments, wanted.returns) == (found.arguments, found.returns):
        return made
    dropped = drop(new)
    return None if dropped is None else together([*dropped, *made])


def _change_sequence(old: str, new: str) -> Statements:
    made = set_sequence(old, "ALTER")
    unlogged = [" unlogged" in definition_of(line) for line in (old, new)]
    if made is None or unlogged[0] == unlogged[1]:
        return made
    return [*made, f"ALTER SEQUENCE {name_of(old)} SET {'UNLOGGED' if unlogged[0] else 'LOGGED'}"]


def _change_type(old: str, new: str) -> Statements:
    name = name_of(old)
    wanted, found = definition_of(old), definition_of(new)
    if wanted.startswith("enum ") and found.startswith("enum "):
        return _change_enum(name, _labels(wanted), _labels(found))
    domain = re.compile(r"domain (.+?)( not null)?(?: default (.*))?$", re.DOTALL)
    want, have = domain.match(wanted), domain.match(found)
    if want and have and want[1] == have[1]:
        actions = []
        if want[2] != have[2]:
            actions.append("SET NOT NULL" if want[2] else "DROP NOT NULL")
        if want[3] != have[3]:
            actions.append(f"SET DEFAULT {want[3]}" if want[3] else "DROP DEFAULT")
        return [f"ALTER DOMAIN {name} {one}" for one in actions]
    return None


def _labels(text: str) -> list[str]:
    return re.findall(r"E?'(?:[^']|'')*'", text)


def _change_enum(name: str, wanted: list[str], found: list[str]) -> Statements:
    if len(wanted) == len(found):
        different = [(now, was) for was, now in zip(wanted, found, strict=True) if was != now]
        if any(was in found for _, was in different):
            # In another order: no ALTER TYPE brings that back.
            return None
        return [f"ALTER TYPE {name} RENAME VALUE {now} TO {was}" for now, was in different]
    # A value that came cannot be taken away again.
    return None


def _change_publication(old: str, new: str) -> Statements:
    words = definition_of(old).split()
    if ("all" in words) != ("all" in definition_of(new).split()):
        return None
    if " generated columns" in old or " generated columns" in new:
        generated = f", publish_generated_columns = {'stored' if ' generated columns' in old else 'none'}"
    else:
        generated = ""
    what = ", ".join(one for one in ("insert", "update", "delete", "truncate") if one in words)
    root = "true" if "root" in words else "false"
    options = f"publish = '{what}', publish_via_partition_root = {root}{generated}"
    return [f"ALTER PUBLICATION {name_of(old)} SET ({options})"]


_CHANGERS: Mapping[str, Callable[[str, str], Statements]] = {
    "publication": _change_publication,
    "column": _change_column,
    "index": _change_index,
    "table": _change_table,
    "trigger": _change_trigger,
    "function": _change_function,
    "procedure": _change_function,
    "row_security": lambda old, new: set_row_security(old),
    "sequence": _change_sequence,
    "type": _change_type,
}
