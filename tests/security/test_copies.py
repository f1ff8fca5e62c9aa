"""Copies are restored and rehearsed on without power: what others left in a database gains nothing by it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra_pgmigrate.backup.manifest import read_manifest

from tests.conftest import Machines, on_docker, on_versions
from tests.docker.hosts import DockerHost
from tests.support.backups import copies, labels, manifest
from tests.support.evil import Evil
from tests.support.harness import Result, backup, migrate, restore
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server

_TABLE = "CREATE TABLE {evil}.t (i integer); INSERT INTO {evil}.t VALUES (1), (2);"

# What the role plants itself, by the kind of object whose functions a restore or a rehearsal calls.
OWN = {
    "check": "CREATE TABLE {evil}.t (i integer CHECK ({evil}.yes(i))); INSERT INTO {evil}.t VALUES (1);",
    "domain": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); CREATE TABLE {evil}.t (i {evil}.d);"
    "INSERT INTO {evil}.t VALUES (1);",
    "domain in an array": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE));"
    "CREATE TABLE {evil}.t (i {evil}.d[]); INSERT INTO {evil}.t VALUES ('{1,2}');",
    "domain in a row": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); CREATE TYPE {evil}.pair AS (a {evil}.d);"
    "CREATE TABLE {evil}.t (p {evil}.pair); INSERT INTO {evil}.t VALUES (ROW(1));",
    "generated column": "CREATE TABLE {evil}.t (i integer, g boolean GENERATED ALWAYS AS ({evil}.yes(i)) STORED);"
    "INSERT INTO {evil}.t VALUES (1);",
    "cast": "CREATE TYPE {evil}.mood AS ENUM ('good', 'bad'); CREATE FUNCTION {evil}.says({evil}.mood) RETURNS text"
    " IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM {evil}.grab(); RETURN 'x'; END $$;"
    "CREATE CAST ({evil}.mood AS text) WITH FUNCTION {evil}.says({evil}.mood) AS IMPLICIT;"
    "CREATE TABLE {evil}.t (m {evil}.mood); INSERT INTO {evil}.t VALUES ('good');",
    "cast of an array": "CREATE TYPE {evil}.mood AS ENUM ('good', 'bad'); CREATE FUNCTION {evil}.says({evil}.mood[])"
    " RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM {evil}.grab(); RETURN 'x'; END $$;"
    "CREATE CAST ({evil}.mood[] AS text) WITH FUNCTION {evil}.says({evil}.mood[]) AS IMPLICIT;"
    "CREATE TABLE {evil}.t (m {evil}.mood[]); INSERT INTO {evil}.t VALUES ('{good}');",
    "default": "CREATE TABLE {evil}.t (i integer, b boolean DEFAULT {evil}.yes(1)); INSERT INTO {evil}.t VALUES (1);",
    "index expression": f"{_TABLE} CREATE INDEX ON {{evil}}.t (({{evil}}.same(i)));",
    "index predicate": f"{_TABLE} CREATE INDEX ON {{evil}}.t (i) WHERE {{evil}}.yes(i);",
    # What these call is called whenever somebody plans a query of the table.
    "index expression of constants": f"{_TABLE} CREATE INDEX ON {{evil}}.t ((i + {{evil}}.same(1)));",
    "index predicate of constants": f"{_TABLE} CREATE INDEX ON {{evil}}.t (i) WHERE i > {{evil}}.same(1);",
    "index operator of constants": f"{_TABLE} CREATE OPERATOR {{evil}}.## (RIGHTARG = integer, FUNCTION = {{evil}}.same);"
    "CREATE INDEX ON {evil}.t ((i + (OPERATOR({evil}.##) 1)));",
    "statistics of constants": f"{_TABLE} CREATE STATISTICS {{evil}}.s ON (i + {{evil}}.same(1)), i FROM {{evil}}.t;",
    "exclusion": f"{_TABLE} ALTER TABLE {{evil}}.t ADD EXCLUDE (({{evil}}.same(i)) WITH =);",
    "statistics": f"{_TABLE} CREATE STATISTICS {{evil}}.s ON ({{evil}}.same(i)), i FROM {{evil}}.t;",
    "materialized view": f"{_TABLE} CREATE MATERIALIZED VIEW {{evil}}.m AS SELECT {{evil}}.yes(i) AS b FROM {{evil}}.t;",
    "partition key": "CREATE TABLE {evil}.p (i integer) PARTITION BY LIST (({evil}.same(i)));"
    "CREATE TABLE {evil}.p1 PARTITION OF {evil}.p FOR VALUES IN (1); INSERT INTO {evil}.p VALUES (1);",
    "rule": f"{_TABLE} CREATE RULE r AS ON INSERT TO {{evil}}.t DO ALSO SELECT {{evil}}.grab();",
    "policy": f"{_TABLE} ALTER TABLE {{evil}}.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON {evil}.t USING ({evil}.yes(i));",
    "row trigger": "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " FOR EACH ROW EXECUTE FUNCTION {evil}.row();"
    "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON public.project_roles"
    " FOR EACH ROW EXECUTE FUNCTION {evil}.row();",
    "statement trigger": "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " FOR EACH STATEMENT EXECUTE FUNCTION {evil}.row();",
    "constraint trigger": "CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {evil}.row();",
}
# What somebody with power made, with a function that is the role's: it may put another body into it at any time.
OTHERS = {
    "check": "ALTER TABLE public.project_roles ADD CHECK ({evil}.yes(1));",
    "index expression": "CREATE INDEX ON public.customers (({evil}.same(length(name))));",
    "index expression of constants": "CREATE INDEX ON public.customers ((length(name) + {evil}.same(1)));",
    "generated column": "ALTER TABLE public.project_roles ADD COLUMN g boolean GENERATED ALWAYS AS ({evil}.yes(1)) STORED;",
    "materialized view": "CREATE MATERIALIZED VIEW public.m AS SELECT {evil}.yes(1) AS b FROM public.customers;",
    "event trigger": "CREATE EVENT TRIGGER ears ON ddl_command_end EXECUTE FUNCTION {evil}.ddl();",
    "operator class": "CREATE FUNCTION {evil}.less(integer, integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM {evil}.grab(); RETURN btint4cmp($1, $2); END $$;"
    "ALTER FUNCTION {evil}.less OWNER TO {evil};"
    "CREATE OPERATOR CLASS {evil}.c FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,"
    " OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 {evil}.less(integer, integer);"
    "CREATE TABLE public.ordered AS SELECT i FROM generate_series(1, 5) AS i; CREATE INDEX ON public.ordered (i {evil}.c);",
}
OTHERS["function without leaks"] = (
    "CREATE FUNCTION {evil}.sure(integer) RETURNS boolean IMMUTABLE SECURITY DEFINER LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM {evil}.grab(); RETURN true; END $$; ALTER FUNCTION {evil}.sure LEAKPROOF;"
    "ALTER FUNCTION {evil}.sure OWNER TO {evil};"
    "CREATE TABLE public.sure (i integer CHECK ({evil}.sure(i))); INSERT INTO public.sure VALUES (1);"
)


# What a superuser who reads a table runs, when its owner likes.
CALLED_BY_READING = re.compile(r"(INDEX|STATISTICS|EXCLUDE)[^;]*\{evil\}\.(same|yes|##)")
_OBJECT = re.compile(r"(\{evil\}\.|public\.|TRIGGER )(t|d|pair|mood|says|m|s|p|p1|c|less|sure|ordered|ears)\b")


def _side_by_side(texts: Iterable[str]) -> str:
    """Returns what several plant, each under names of its own."""
    return "".join(_OBJECT.sub(rf"\g<1>\g<2>_{number}", text) for number, text in enumerate(texts))


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


def roles(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pgmigrate_'")]


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
        assert copies(server) == roles(server) == []
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
    assert copies(server) == roles(server) == []


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
    assert copies(server) == roles(server) == []


@pytest.mark.parametrize(
    "vector",
    [
        "check", "domain", "domain in an array", "domain in a row", "generated column", "default", "index expression",
        "row trigger",
    ],
)  # fmt: skip
def test_what_others_left_gains_nothing_by_the_restoring_of_one_table(
    evil: Evil, kept: Callable[..., dict[str, Any]], server: Server, vector: str
) -> None:
    # Here the rows come into the database itself, where the connection is a superuser.
    evil.plants(where=".")
    evil.run(OWN[vector])
    if vector != "row trigger":
        evil.run("CREATE VIEW {evil}.v AS SELECT * FROM {evil}.t")
    is_read = CALLED_BY_READING.search(OWN[vector])
    backed = taken_by_another(evil, kept) if is_read else backup(kept(pg_verify="read"))
    table = "public.project_equipment_groups" if vector == "row trigger" else f"{evil.name}.t"

    restored = restore(kept(pg_backup=labels(folder_of(kept))[0], pg_table=table))

    assert evil.gained == []
    assert backed.ok, backed.text
    assert restored.ok, restored.text
    side = next(line for line in restored.lines if "is in schema" in line).split('"')[-2]
    name = table.split(".")[1]
    query = f'SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM {{}}."{name}" AS t'
    assert evil.database.value(query.format(f'"{side}"')) == evil.database.value(
        query.format(table.split(".", maxsplit=1)[0])
    )
    evil.database.run(f'DROP SCHEMA "{side}" CASCADE')
    assert copies(server) == roles(server) == []


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
    assert copies(server) == roles(server) == []
    # Who allows more has it.
    allowed = backup(kept(pg_copy_role="connection", pg_backup=label))
    assert "role (" in allowed.text
    assert not allowed.ok


_OTHERS_OWN = """
CREATE ROLE {role} NOLOGIN; CREATE ROLE {role}_2 NOLOGIN;
CREATE SCHEMA theirs AUTHORIZATION {role}; GRANT USAGE ON SCHEMA theirs TO {role}_2;
CREATE TABLE theirs."A table" (id bigserial PRIMARY KEY, n integer); ALTER TABLE theirs."A table" OWNER TO {role};
INSERT INTO theirs."A table" (n) VALUES (1), (2);
GRANT SELECT, UPDATE (n) ON theirs."A table" TO {role}_2 WITH GRANT OPTION;
SET ROLE {role}_2; GRANT SELECT ON theirs."A table" TO PUBLIC; RESET ROLE;
CREATE FUNCTION theirs.f(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN
RETURN 1;
ALTER ROLE {role} SUPERUSER;
ALTER TABLE theirs.t OWNER TO {role};
END';
ALTER FUNCTION theirs.f OWNER TO {role}; REVOKE ALL ON FUNCTION theirs.f FROM PUBLIC;
CREATE TYPE theirs.mood AS ENUM ('good'); ALTER TYPE theirs.mood OWNER TO {role};
CREATE DOMAIN theirs.d AS integer; ALTER DOMAIN theirs.d OWNER TO {role}; GRANT USAGE ON TYPE theirs.d TO {role}_2;
CREATE VIEW theirs.v AS SELECT n FROM theirs."A table"; ALTER VIEW theirs.v OWNER TO {role}_2;
CREATE MATERIALIZED VIEW theirs.m AS SELECT n FROM theirs."A table"; ALTER MATERIALIZED VIEW theirs.m OWNER TO {role};
CREATE AGGREGATE theirs.total(integer) (sfunc = int4pl, stype = integer); ALTER AGGREGATE theirs.total(integer) OWNER TO {role};
CREATE STATISTICS theirs.s ON id, n FROM theirs."A table"; ALTER STATISTICS theirs.s OWNER TO {role};
CREATE COLLATION theirs.c (locale = 'C'); ALTER COLLATION theirs.c OWNER TO {role};
CREATE OPERATOR theirs.<+> (function = int4pl, leftarg = integer, rightarg = integer);
ALTER OPERATOR theirs.<+> (integer, integer) OWNER TO {role};
CREATE TEXT SEARCH DICTIONARY theirs.words (template = simple); ALTER TEXT SEARCH DICTIONARY theirs.words OWNER TO {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA theirs GRANT SELECT ON TABLES TO {role}_2;
ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT EXECUTE ON FUNCTIONS TO {role}_2;
CREATE PUBLICATION all_of_it FOR ALL TABLES; COMMENT ON PUBLICATION all_of_it IS 'all';
CREATE PUBLICATION one FOR TABLE theirs."A table" WHERE (id > 1);
CREATE FUNCTION theirs.ears() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER ears ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION theirs.ears();
ALTER EVENT TRIGGER ears DISABLE; COMMENT ON EVENT TRIGGER ears IS 'ears';
SELECT lo_from_bytea(4711, 'x'); ALTER LARGE OBJECT 4711 OWNER TO {role}; GRANT SELECT ON LARGE OBJECT 4711 TO {role}_2;
REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {role};
COMMENT ON SCHEMA public IS 'ours';
"""
_LARGE_OBJECTS = "SELECT pg_get_userbyid(lomowner), lomacl::text FROM pg_largeobject_metadata"


@contextmanager
def others_own(legacy: Database, text: str = _OTHERS_OWN) -> Iterator[str]:
    """Gives objects of all kinds to another role, and drops them with that at the end; gives its name."""
    role = f"theirs_{secrets.token_hex(3)}"
    legacy.run(text.replace("{role}", role))
    try:
        yield role
    finally:
        legacy.close()
        for (old,) in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"):
            legacy.server.administer("DROP DATABASE {} WITH (FORCE)", old)
        legacy.run(
            f"DROP EVENT TRIGGER IF EXISTS ears; DROP PUBLICATION IF EXISTS all_of_it, one;"
            "SELECT lo_unlink(oid) FROM pg_largeobject_metadata;"
            f"DROP OWNED BY {role}_2 CASCADE; DROP OWNED BY {role} CASCADE; DROP ROLE {role}, {role}_2"
        )


@on_versions(15, 18)
def test_owners_rights_and_what_a_superuser_alone_can_make_are_compared_and_come_back(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
) -> None:
    with others_own(legacy):
        before, large_objects = legacy.catalog().lines, legacy.rows(_LARGE_OBJECTS)

        backed = backup(kept())

        assert backed.ok, backed.text
        (label,) = labels(folder)
        assert manifest(folder, label)["verification"] == {
            **manifest(folder, label)["verification"], "how": "restore", "notes": [],
        }  # fmt: skip
        legacy.close()

        restored = restore(kept(pg_backup="latest"))

        assert restored.ok, restored.text
        assert legacy.catalog().lines == before
        assert legacy.rows(_LARGE_OBJECTS) == large_objects
        assert legacy.value("SELECT count(*) FROM theirs.m") == 2
        assert copies(server) == roles(server) == []


_SUPERUSERS = """
CREATE FUNCTION same_again() RETURNS trigger LANGUAGE internal AS 'suppress_redundant_updates_trigger';
CREATE TYPE whole;
CREATE FUNCTION whole_in(cstring) RETURNS whole LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION whole_out(whole) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE whole (input = whole_in, output = whole_out, like = integer);
CREATE CAST (whole AS integer) WITHOUT FUNCTION;
CREATE FUNCTION sure(integer) RETURNS boolean LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT true';
CREATE FUNCTION quiet() RETURNS integer LANGUAGE sql SET log_min_messages = 'error' AS 'SELECT 1';
CREATE OPERATOR FAMILY wholes USING btree;
CREATE TABLE wholes (w whole, i integer CHECK (sure(i))); INSERT INTO wholes VALUES ('4', 1);
CREATE TRIGGER same_again BEFORE UPDATE ON wholes FOR EACH ROW EXECUTE FUNCTION same_again();
"""


def test_what_a_superuser_alone_can_make_is_on_the_copy_and_in_the_restored_database(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
) -> None:
    legacy.run(_SUPERUSERS)
    before = legacy.catalog().lines

    backed = backup(kept())
    legacy.close()
    restored = restore(kept(pg_backup="latest"))

    assert backed.ok, backed.text
    assert manifest(folder, labels(folder)[0])["verification"]["notes"] == []
    assert restored.ok, restored.text
    assert legacy.catalog().lines == before
    assert copies(server) == roles(server) == []
    legacy.close()
    for (old,) in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"):
        server.administer("DROP DATABASE {} WITH (FORCE)", old)


def _forge_grant(backup: Path) -> None:
    """Changes what a backup says of its catalog, and all hashes with it."""
    path = backup / "catalog.json"
    lines = json.loads(path.read_text())
    changed = [line.replace(" UPDATE", " DELETE") if line.startswith("grant column") else line for line in lines]
    assert changed != lines
    path.write_text(json.dumps(changed))
    read = read_manifest((backup / "manifest.json").read_text())
    sums = {**read.sums, "catalog.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    (backup / "manifest.json").write_text(replace(read, sums=sums).text() + "\n")


def test_a_dump_with_other_rights_than_the_backup_says_is_found(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
) -> None:
    with others_own(legacy):
        backup(kept())
        (label,) = labels(folder)
        _forge_grant(folder / label)

        result = backup(kept(pg_backup=label))

    assert not result.ok
    assert "grant column" in result.refusals[0], result.text


class TestMigrations:
    """What migrations do that the role of a copy may not."""

    def _folder(self, tmp_path: Path, server: Server, text: str) -> str:
        sql = copied(tmp_path)
        (sql / "007_more.sql").write_text(f"-- purpose: more\n-- phase: schema\n\n{text}\n")
        record(sql, server)
        return str(sql)

    def test_that_give_to_other_roles_are_rehearsed_but_for_that(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        with others_own(legacy) as role:
            sql = self._folder(
                tmp_path,
                server,
                f"CREATE TABLE more (id integer); ALTER TABLE more OWNER TO {role}; GRANT SELECT ON more TO {role}_2;"
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT SELECT ON TABLES TO {role}_2;",
            )

            result = migrate(kept(pg_sql_dir=sql))

            assert result.ok, result.text
            note = f"note: 007_more: not rehearsed, as a copy has one role only: ALTER TABLE more OWNER TO {role}"
            assert note in result.text
            assert legacy.value("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'more'") == role
            assert roles(server) == []

    def test_that_need_a_superuser_are_refused_with_two_ways_out(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = self._folder(
            tmp_path,
            server,
            "CREATE FUNCTION hears() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            "CREATE EVENT TRIGGER hears ON sql_drop EXECUTE FUNCTION hears();",
        )

        refused = migrate(kept(pg_sql_dir=sql))
        allowed = migrate(kept(pg_sql_dir=sql, pg_copy_role="connection"))

        assert not refused.ok
        assert "--data pg_copy_role=connection; or without a rehearsal: --data pg_rehearse=off" in refused.refusals[0]
        assert legacy.value("SELECT count(*) FROM pg_proc WHERE proname = 'hears'") == 1
        assert allowed.ok, allowed.text
        assert copies(server) == roles(server) == []

    def test_that_change_a_publication_are_rehearsed(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = self._folder(tmp_path, server, "CREATE TABLE more (id integer PRIMARY KEY);")
        legacy.run("CREATE PUBLICATION one FOR TABLE customers")
        migrate(legacy.settings(pg_sql_dir=sql))
        (tmp_path / "sql" / "008_published.sql").write_text(
            "-- purpose: more\n-- phase: schema\n\nALTER TABLE more ADD COLUMN n integer;\n"
        )
        record(tmp_path / "sql", server)

        assert migrate(kept(pg_sql_dir=sql)).ok

    def test_are_rehearsed_on_the_structure_alone_as_that_role(
        self, evil: Evil, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        evil.plants(where="^pgmigrate_copy_")
        evil.run(OWN["row trigger"])
        evil.run(OWN["materialized view"])
        evil.run_as_superuser(OTHERS["event trigger"])

        result = migrate(kept(pg_skip_backup=True, pg_rehearse="schema"))

        assert evil.gained == []
        assert result.ok, result.text
        assert copies(server) == roles(server) == []


UNFOUND = {
    "index": (
        "CREATE TABLE factors (f integer);"
        "CREATE FUNCTION scaled(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN (SELECT $1 * max(f) FROM factors); END';"
        "CREATE INDEX ON customers (scaled(length(name)));",
        "scaled(integer)",
    ),
    "check": (
        "CREATE FUNCTION inner_one(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0';"
        "CREATE FUNCTION outer_one(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN inner_one($1); END';"
        "CREATE TABLE checked (i integer CHECK (outer_one(i))); INSERT INTO checked VALUES (1);",
        "outer_one(integer)",
    ),
    "generated column": (
        "CREATE TYPE mood AS ENUM ('1');"
        'CREATE FUNCTION "Odd one"(integer) RETURNS text IMMUTABLE LANGUAGE plpgsql AS'
        " 'BEGIN RETURN $1::text::mood; END';"
        'CREATE TABLE made (i integer, m text GENERATED ALWAYS AS ("Odd one"(i)) STORED); INSERT INTO made VALUES (1);',
        '"Odd one"(integer)',
    ),
}


class TestConnections:
    """Connections that are no superuser's."""

    @on_versions(15, 18)
    def test_the_power_to_make_roles_is_nobodys_either(
        self, evil: Evil, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
    ) -> None:
        maker = f"maker_{secrets.token_hex(3)}"
        database = evil.database
        database.run(
            f"CREATE ROLE {maker} LOGIN CREATEDB CREATEROLE PASSWORD '{maker}'; GRANT pg_read_all_data TO {maker}"
        )
        database.run(f"ALTER ROLE {maker} BYPASSRLS; GRANT {maker} TO CURRENT_USER")
        evil.plants(where="^pgmigrate_copy_")
        evil.run(OWN["check"])
        try:
            result = backup(kept(pg_user=maker, pg_password=maker))

            assert evil.gained == []
            assert result.ok, result.text
            (label,) = labels(folder)
            assert manifest(folder, label)["verification"]["how"] == "restore"
            assert copies(server) == roles(server) == []
        finally:
            database.run(f"DROP OWNED BY {maker}; DROP ROLE {maker}")

    @on_docker
    @pytest.mark.parametrize("language", ["en", "de"])
    def test_objects_of_other_roles_and_event_triggers_are_notes(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        folder: Path,
        server: Server,
        machines: Machines,
        language: str,
    ) -> None:
        """As on managed servers: the owner of the database, without superuser."""
        owner = f"owner_{secrets.token_hex(3)}"
        with others_own(legacy) as role, speaking(language, machines.host(17), server):
            legacy.run(
                f"CREATE ROLE {owner} LOGIN CREATEDB BYPASSRLS PASSWORD '{owner}'; GRANT pg_read_all_data TO {owner}"
            )
            legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO {owner}; GRANT SELECT ON LARGE OBJECT 4711 TO {owner}")
            settings = kept(pg_user=owner, pg_password=owner)
            try:
                result = backup(settings)

                assert result.ok, result.text
                (label,) = labels(folder)
                verification = manifest(folder, label)["verification"]
                assert verification["how"] == "restore"
                notes = "\n".join(verification["notes"])
                assert f"owner {role} was not set on the copy and not compared, of theirs, " in notes
                assert "event trigger was not made on the copy and not compared: ears: " in notes
                assert "publication was not made on the copy and not compared: all_of_it: " in notes
                assert ("Berechtigung" in notes) == (language == "de"), notes
                legacy.close()
                restored = restore({**settings, "pg_backup": label})
                assert restored.ok, restored.text
            finally:
                legacy.close()
                for (old,) in legacy.rows(
                    "SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"
                ):
                    # It keeps what the role has in it.
                    server.administer("DROP DATABASE {} WITH (FORCE)", old)
                legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO postgres")
                legacy.run(f"REASSIGN OWNED BY {owner} TO postgres; DROP OWNED BY {owner}; DROP ROLE {owner}")

    @on_docker
    def test_a_server_that_speaks_another_language_is_understood(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        folder: Path,
        server: Server,
        machines: Machines,
    ) -> None:
        legacy.run(UNFOUND["generated column"][0])
        with speaking("de", machines.host(17), server):
            refused = backup(kept())
            legacy.run("DROP TABLE made")
            migrated = migrate(kept())

        assert 'ALTER FUNCTION "Odd one"(integer) SET search_path' in refused.refusals[0], refused.text
        assert migrated.ok, migrated.text


@contextmanager
def speaking(language: str, host: DockerHost, server: Server) -> Iterator[None]:
    """Lets a server answer in a language."""
    if language == "en":
        yield
        return
    host.run("localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", "de_DE.UTF-8")
    try:
        server.administer("ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'")
        server.administer("SELECT pg_reload_conf()")
        yield
    finally:
        server.administer("ALTER SYSTEM RESET lc_messages")
        server.administer("SELECT pg_reload_conf()")


@contextmanager
def only_postgres(host: DockerHost, server: Server) -> Iterator[None]:
    """Lets nobody but the superuser log in."""
    path = "/srv/postgresql/pg_hba.conf"
    kept = host.run("cat", path)
    try:
        host.write(path, "local all postgres peer\nhost all postgres all scram-sha-256\n")
        server.administer("SELECT pg_reload_conf()")
        yield
    finally:
        host.write(path, kept)
        server.administer("SELECT pg_reload_conf()")


@on_docker
def test_where_no_such_role_may_log_in_a_backup_is_read_and_nothing_is_migrated(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server, machines: Machines
) -> None:
    with only_postgres(machines.host(17), server):
        backed = backup(kept())
        migrated = migrate(kept())
        allowed = migrate(kept(pg_copy_role="connection"))

    assert backed.ok, backed.text
    assert "note: verified by reading alone: could not log in to a copy" in backed.text
    first = manifest(folder, labels(folder)[0])["verification"]
    assert first["how"] == "read"
    assert "pg_hba.conf" in first["notes"][0]
    assert not migrated.ok
    assert "--data pg_copy_role=connection" in migrated.refusals[0]
    assert allowed.ok, allowed.text
    assert copies(server) == roles(server) == []


# Since 17 an index over such a function cannot be made any more; an upgraded database may have one.
@on_versions(15)
@pytest.mark.parametrize(("text", "function"), UNFOUND.values(), ids=UNFOUND)
def test_a_function_that_nobody_can_restore_is_named_with_its_cure(
    legacy: Database, kept: Callable[..., dict[str, Any]], text: str, function: str
) -> None:
    if "CREATE INDEX" in text and legacy.server.version >= 17:
        with pytest.raises(psycopg.errors.UndefinedTable):
            legacy.run(text)
        return
    legacy.run(text)

    refused = backup(kept())

    assert not refused.ok
    cure = f"ALTER FUNCTION {function} SET search_path = public, pg_temp"
    (refusal,) = refused.refusals
    assert f"function {function} does not name the schemas of what it uses" in refusal
    assert f"HINT: On the database: {cure}; then take another backup" in refusal
    legacy.run(cure)
    assert backup(kept()).ok
