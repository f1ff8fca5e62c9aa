"""Copies are restored and rehearsed on without power: what others left in a database gains nothing by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_versions
from tests.security.vectors import CALLED_BY_READING, OTHERS, OWN
from tests.support.backups import copies, copy_roles, labels, manifest
from tests.support.evil import Evil
from tests.support.harness import Result, backup, migrate, restore
from tests.support.servers import Database, Server

_OBJECT = re.compile(r"(\{evil\}\.|public\.|TRIGGER )(t|d|pair|mood|says|m|s|p|p1|c|less|sure|ordered|ears)\b")


def _numbered(text: str, number: int) -> str:
    """Returns what one plants, under names that have a number."""
    return _OBJECT.sub(rf"\g<1>\g<2>_{number}", text)


def _side_by_side(texts: Iterable[str]) -> str:
    """Returns what several plant, each under names of its own."""
    return "".join(_numbered(text, number) for number, text in enumerate(texts))


def _at_once(*, read: bool) -> list[str]:
    """Returns what is planted by the role and for it, of what reading a table calls or of all else."""
    return [
        _side_by_side(text for text in texts.values() if bool(CALLED_BY_READING.search(text)) == read)
        for texts in (OWN, OTHERS)
    ]


# In "make test" all at once; each for itself, which says whose fault it is, in "make soak".
VECTORS = [
    pytest.param(*_at_once(read=False), id="all at once"),
    pytest.param(*_at_once(read=True), id="all at once that reading a table calls"),
    *(
        pytest.param(own, others, id=name, marks=pytest.mark.soak)
        for name, own, others in (
            *((name, text, "") for name, text in OWN.items()),
            *((f"{name} of others", "", text) for name, text in OTHERS.items()),
        )
    ),
]


def taken_by_another(evil: Evil, kept: Callable[..., dict[str, Any]]) -> Result:
    """Takes a backup, not verified, as a role that may read all and nothing else."""
    reader = f"{evil.name}_reader"
    evil.run_as_superuser(f"CREATE ROLE {reader} LOGIN BYPASSRLS PASSWORD 'x' IN ROLE pg_read_all_data")
    try:
        return backup(kept(pg_user=reader, pg_password="x", pg_verify="none"))
    finally:
        evil.run_as_superuser(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


@pytest.mark.parametrize(("own", "others"), VECTORS)
def test_what_others_left_gains_nothing_by_a_backup_a_rehearsal_and_a_restore(
    evil: Evil, kept: Callable[..., dict[str, Any]], folder: Path, server: Server, own: str, others: str
) -> None:
    # On the database itself others watch: here it is the copies alone that may gain nothing.
    evil.plants(where="^pgmigrate_copy_")
    evil.run(own or "SELECT 1")
    evil.run_as_superuser(others)

    if CALLED_BY_READING.search(own + others):
        refused = backup(kept())
        assert not refused.ok
        assert f"of role {evil.name}" in refused.text
        backed = taken_by_another(evil, kept)
        assert backed.ok, backed.text
        (label,) = labels(folder)
        evil.database.close()
        restored = restore(kept(pg_backup=label))
        assert evil.gained == []
        assert restored.ok, restored.text
        assert copies(server) == copy_roles(server) == []
        return
    backed = backup(kept())

    assert evil.gained == []
    assert backed.ok, backed.text
    (label,) = labels(folder)
    assert manifest(folder, label)["verification"]["how"] == "restore"

    migrated = migrate(kept())

    assert evil.gained == []
    assert migrated.ok, migrated.text
    assert "rehearsal: rolled back to the same rows and catalog as before, and migrated again" in migrated.text
    evil.database.close()

    restored = restore(kept(pg_backup=label))

    assert evil.gained == []
    assert restored.ok, restored.text
    assert copies(server) == copy_roles(server) == []


# What may be done as the role of a copy to a copy, so that those who come after with power stumble over it.
STUMBLES = {
    "index": "CREATE INDEX ON pgmigrate.migrations (({evil}.yes(1)))",
    "check": "ALTER TABLE pgmigrate.events ADD CHECK ({evil}.yes(1)) NOT VALID",
    "default": "ALTER TABLE pgmigrate.events ALTER COLUMN event SET DEFAULT {evil}.same(1)::text",
    "trigger": "CREATE TRIGGER t BEFORE INSERT ON pgmigrate.events FOR EACH ROW EXECUTE FUNCTION {evil}.row()",
    "rule": "CREATE RULE r AS ON INSERT TO pgmigrate.events DO ALSO SELECT {evil}.grab()",
    "function": "CREATE FUNCTION pgmigrate.door() RETURNS void SECURITY DEFINER LANGUAGE sql AS $x$ SELECT {evil}.grab() $x$",
    "damaged": "CREATE SCHEMA pgmigrate_damaged_1 CREATE VIEW v AS SELECT {evil}.yes(1)",
}


@pytest.mark.parametrize(
    "stumble",
    [
        pytest.param(text, id=name, marks=() if name in ("default", "trigger") else pytest.mark.soak)
        for name, text in STUMBLES.items()
    ],
)
def test_what_is_left_in_the_registry_of_a_copy_is_stumbled_over_by_nobody_with_power(
    evil: Evil, kept: Callable[..., dict[str, Any]], server: Server, stumble: str
) -> None:
    assert migrate(evil.database.settings(pg_target=3)).ok
    evil.plants(where="^pgmigrate_copy_")
    statement = stumble.replace("{evil}", evil.name)
    evil.run(
        f"CREATE FUNCTION {{evil}}.plants(integer) RETURNS boolean LANGUAGE plpgsql AS $plants$ BEGIN"
        f" IF current_database() ~ '^pgmigrate_copy_' THEN EXECUTE $s${statement}$s$; END IF; RETURN true; END $plants$;"
        "CREATE TABLE {evil}.t (i integer CHECK ({evil}.plants(i))); INSERT INTO {evil}.t VALUES (1);"
    )

    verified = backup(kept())
    taken = backup(kept(pg_verify="read", pg_backup_max_age_s=0.001))
    evil.database.close()
    restored = restore(kept(pg_backup="latest"))

    assert evil.gained == []
    assert taken.ok, taken.text
    assert verified.ok or "left something in the registry" in verified.refusals[0], verified.text
    assert not restored.ok
    assert "left something in the registry" in restored.refusals[0], restored.text
    assert copies(server) == copy_roles(server) == []


def test_what_others_left_gains_nothing_by_the_restoring_of_one_table(
    evil: Evil, kept: Callable[..., dict[str, Any]], server: Server
) -> None:
    of_a_column = (
        "check", "domain", "domain in an array", "domain in a row", "generated column", "default", "index expression",
    )  # fmt: skip
    tables = {name: f"{evil.name}.t_{number}" for number, name in enumerate(of_a_column)}
    texts = [_side_by_side(OWN[name] for name in of_a_column[:-1]) + OWN["row trigger"]]
    # Reading this one's table calls a function of theirs.
    texts.append(_numbered(OWN[of_a_column[-1]], len(of_a_column) - 1))
    # Here the rows come into the database itself, where the connection is a superuser.
    evil.plants(where=".")
    for text, names in zip(texts, (of_a_column[:-1], of_a_column[-1:]), strict=True):
        evil.run(text)
        for name in names:
            evil.run(f"CREATE VIEW {tables[name].replace('.t_', '.v_')} AS SELECT * FROM {tables[name]}")
        is_read = CALLED_BY_READING.search(text)
        backed = taken_by_another(evil, kept) if is_read else backup(kept(pg_verify="read"))
        assert backed.ok, backed.text
    tables["row trigger"] = "public.project_equipment_groups"
    first, last = labels(folder_of(kept))

    for vector, table in tables.items():
        label = last if CALLED_BY_READING.search(OWN[vector]) else first
        restored = restore(kept(pg_backup=label, pg_table=table))

        assert evil.gained == [], vector
        assert restored.ok, f"{vector}: {restored.text}"
        side = next(line for line in restored.lines if "is in schema" in line).split('"')[-2]
        schema, name = table.split(".")
        query = f'SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM {{}}."{name}" AS t'
        rows = [evil.database.value(query.format(one)) for one in (f'"{side}"', schema)]
        assert rows[0] == rows[1] is not None, vector
        evil.database.run(f'DROP SCHEMA "{side}" CASCADE')
        assert copies(server) == copy_roles(server) == [], vector


def folder_of(kept: Callable[..., dict[str, Any]]) -> Path:
    return Path(kept()["pg_backup_dir"])


# Fails where whoever runs it has more than a copy needs, or is not who the copy belongs to.
_LOOKS = """
CREATE FUNCTION public.looks(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    IF current_database() ~ '^pgmigrate_copy_' THEN
        SELECT * INTO found FROM pg_roles WHERE rolname = session_user;
        IF found.rolname <> current_database() OR found.rolsuper OR found.rolcreaterole OR found.rolcreatedb
            OR found.rolreplication OR found.rolbypassrls OR found.rolvaliduntil IS NULL
            OR EXISTS (SELECT 1 FROM pg_auth_members WHERE member = found.oid) THEN
            RAISE 'role % has power', found;
        END IF;
    END IF;
    RETURN true;
END;
$$;
CREATE TABLE public.looked (i integer CHECK (public.looks(i)));
INSERT INTO public.looked VALUES (1);
"""


@on_versions(15)
def test_the_role_of_a_copy_has_no_power_and_is_a_member_of_nothing(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
) -> None:
    legacy.run(_LOOKS)

    result = backup(kept())

    assert result.ok, result.text
    (label,) = labels(folder)
    assert manifest(folder, label)["verification"]["how"] == "restore"
    assert copies(server) == copy_roles(server) == []
    # Who allows more has it.
    allowed = backup(kept(pg_copy_role="connection", pg_backup=label))
    assert "role (" in allowed.text
    assert not allowed.ok
