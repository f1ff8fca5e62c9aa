"""Databases that have more than the baseline: what a migration carries along is let pass and told, nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import on_versions
from tests.support.harness import Result, migrate
from tests.support.migrations import record
from tests.support.servers import Database, Server
from tests.support.together import renaming, told, wrong

Try = Callable[..., tuple[Result, Database]]

TABLES = """
CREATE TABLE a (id integer PRIMARY KEY, val text, n integer);
CREATE TABLE p (id integer NOT NULL, at date NOT NULL, val text) PARTITION BY RANGE (at);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE up (id integer, val text);
CREATE TABLE down (more text) INHERITS (up);
"""
PARTITIONS = """
CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE p_2 ALTER COLUMN val SET DEFAULT 'own';
CREATE TABLE p_3 PARTITION OF p FOR VALUES FROM ('2027-01-01') TO ('2028-01-01') PARTITION BY RANGE (at);
CREATE TABLE p_3_1 PARTITION OF p_3 FOR VALUES FROM ('2027-01-01') TO ('2027-02-01');
ALTER TABLE p_3_1 ALTER COLUMN val SET DEFAULT 'own too';
CREATE TABLE down_2 (other text) INHERITS (down);
ALTER TABLE down_2 ALTER COLUMN val SET DEFAULT 'mine';
"""


@pytest.fixture
def migrated(server: Server, tmp_path: Path) -> Iterator[Try]:
    """Records migrations on a baseline and runs them where a hand was at work before."""
    folder = tmp_path / "sql"
    folder.mkdir()
    databases = []

    def run(*migrations: str, by_hand: str = "", baseline: str = TABLES) -> tuple[Result, Database]:
        (folder / "baseline.sql").write_text(baseline)
        for number, text in enumerate(migrations, start=1):
            header = f"-- purpose: step {number}\n-- phase: schema\n\n"
            (folder / f"{number:03}_step.sql").write_text(f"{header}{text};\n")
        record(folder, server)
        context = server.database("empty")
        database = context.__enter__()
        databases.append(context)
        database.run(baseline)
        if by_hand:
            database.run(by_hand)
        # Of many the first one alone, then half of them; what the run before left is what each begins with.
        result = Result([])
        for number in dict.fromkeys((1, (len(migrations) + 1) // 2, len(migrations))):
            if result.ok:
                more = migrate(database.settings(pg_sql_dir=str(folder), pg_target=number))
                result = Result(result.lines + more.lines, more.ok)
        if result.ok:
            assert "nothing to do" in migrate(database.settings(pg_sql_dir=str(folder))).text
        return result, database

    yield run
    for one in databases:
        one.__exit__(None, None, None)


def carried(result: Result) -> set[str]:
    """Returns what was told as carried along."""
    word = "note: changed along with it: "
    return {line.strip().removeprefix(word) for line in result.lines if line.strip().startswith(word)}


# What hands made on a table, and what of it is told once its column val has another name.
MADE = {
    "CREATE VIEW v AS SELECT id, val FROM a": {"view v"},
    "CREATE MATERIALIZED VIEW m AS SELECT id, val FROM a": {"materialized_view m"},
    "CREATE INDEX i ON a (val)": {"index i"},
    "CREATE INDEX j ON a (lower(val)) WHERE val <> 'x'": {"index j"},
    "ALTER TABLE a ADD CONSTRAINT k CHECK (val <> '')": {"constraint a.k"},
    "ALTER TABLE a ADD UNIQUE (val); CREATE TABLE b (v text REFERENCES a (val))": {
        "constraint a.a_val_key",
        "constraint b.b_v_fkey",
    },
    "CREATE POLICY p ON a USING (val = 'x')": {"policy a.p"},
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
    " CREATE TRIGGER t BEFORE UPDATE OF val ON a FOR EACH ROW EXECUTE FUNCTION f()": {"trigger a.t"},
    "CREATE RULE r AS ON UPDATE TO a WHERE new.val = 'x' DO INSTEAD NOTHING": {"rule a.r"},
    "CREATE STATISTICS s ON val, n FROM a": {"statistics s"},
    "CREATE FUNCTION g() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT val FROM a LIMIT 1; END": {"function g()"},
    "ALTER TABLE a ADD doubled text GENERATED ALWAYS AS (val || val) STORED": {"column a.doubled"},
    "CREATE PUBLICATION u FOR TABLE a (id, val)": {"publication_table u.a"},
    "ALTER TABLE a ALTER COLUMN val SET STATISTICS 500": {
        "column_setting a.val statistics",
        "column_setting a.label statistics",
    },
    "GRANT SELECT (val) ON a TO PUBLIC; COMMENT ON COLUMN a.val IS 'x'": set(),
}


class TestWhatARenameCarriesAlong:
    @on_versions(15, 18)
    def test_of_a_column(self, migrated: Try) -> None:
        result, _ = migrated("ALTER TABLE a RENAME COLUMN val TO label", by_hand=";".join(MADE))

        assert result.ok, result.text
        assert carried(result) == set().union(*MADE.values())

    def test_of_a_table(self, migrated: Try) -> None:
        by_hand = (
            "ALTER TABLE a ADD extra text; CREATE INDEX i ON a (extra); CREATE VIEW v AS SELECT a.* FROM a, up;"
            " CREATE TABLE b (a integer REFERENCES a); ALTER TABLE a ADD CONSTRAINT k CHECK (n > 0);"
            " COMMENT ON CONSTRAINT k ON a IS 'x'; GRANT SELECT ON a TO PUBLIC; CREATE POLICY p ON a USING (true);"
            " ALTER TABLE a SET (fillfactor = 70); ALTER TABLE a ALTER extra SET STATISTICS 5"
        )
        result, _ = migrated("ALTER TABLE a RENAME TO z", by_hand=by_hand)

        assert result.ok, result.text
        assert carried(result) >= {
            "view v",
            "index i",
            "constraint b.b_a_fkey",
            "column z.extra",
            "constraint z.k",
            "policy z.p",
        }

    def test_of_a_type_and_of_a_schema(self, migrated: Try) -> None:
        baseline = "CREATE TYPE mood AS ENUM ('a'); CREATE SCHEMA s; CREATE TABLE s.t (id integer);"
        by_hand = "CREATE TABLE u (m mood); CREATE VIEW v AS SELECT id FROM s.t"
        result, _ = migrated("ALTER TYPE mood RENAME TO spirit", by_hand=by_hand, baseline=baseline)

        assert result.ok, result.text
        assert carried(result) == {"column u.m"}


ON_PARENTS = (
    "ALTER TABLE p ADD COLUMN note text; ALTER TABLE up ADD COLUMN note text NOT NULL DEFAULT '';"
    "ALTER TABLE p ADD PRIMARY KEY (id, at); CREATE INDEX p_val ON p (val);"
    "ALTER TABLE p ADD CONSTRAINT k CHECK (id > 0); ALTER TABLE up ADD CONSTRAINT k CHECK (id > 0);"
    "ALTER TABLE p ADD FOREIGN KEY (id) REFERENCES a;"
    "ALTER TABLE p ALTER COLUMN val SET STATISTICS 300; ALTER TABLE p ALTER COLUMN val SET STORAGE EXTERNAL;"
    "ALTER TABLE p ALTER COLUMN val SET NOT NULL; ALTER TABLE up ALTER COLUMN val SET NOT NULL;"
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
    "CREATE TRIGGER t BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE p DISABLE TRIGGER t",
    "ALTER TABLE p ALTER COLUMN val SET DEFAULT 'x'; ALTER TABLE up ALTER COLUMN val SET DEFAULT 'x'",
    "ALTER TABLE p ALTER COLUMN val TYPE varchar(40); ALTER TABLE up ALTER COLUMN val TYPE varchar(40)",
    "ALTER TABLE p RENAME COLUMN val TO label; ALTER TABLE up RENAME COLUMN val TO label",
    "ALTER TABLE p DROP COLUMN val; ALTER TABLE up DROP COLUMN val",
    "ALTER TABLE p RENAME TO q; ALTER TABLE up RENAME TO upper_one",
)


class TestChildren:
    @on_versions(15, 18)
    def test_each_change_of_a_parent_of_partitions_and_children_that_the_baseline_lacks(self, migrated: Try) -> None:
        renamed = [renaming((TABLES, PARTITIONS), number) for number in range(len(ON_PARENTS))]
        result, _ = migrated(
            *(own(change) for own, change in zip(renamed, ON_PARENTS, strict=True)),
            by_hand="".join(own(PARTITIONS) for own in renamed),
            baseline="".join(own(TABLES) for own in renamed),
        )

        assert result.ok, f"{told(wrong(result.lines), ON_PARENTS)}\n{result.text}"

    def test_an_index_that_a_hand_made_on_a_partition_becomes_part_of_the_new_one(self, migrated: Try) -> None:
        result, _ = migrated("CREATE INDEX p_val ON p (val)", by_hand="CREATE INDEX by_hand ON p_1 (val)")

        assert result.ok, result.text
        assert carried(result) == {"index by_hand"}

    def test_a_new_partition(self, migrated: Try) -> None:
        result, _ = migrated(
            "CREATE TABLE p_9 PARTITION OF p FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
            by_hand="ALTER TABLE p ADD extra text DEFAULT 'x'; CREATE INDEX by_hand ON p (val);"
            " ALTER TABLE p ADD CHECK (id > 0); ALTER TABLE p ALTER val SET STORAGE EXTERNAL",
        )

        assert result.ok, result.text


class TestRefused:
    @pytest.mark.parametrize(
        ("by_hand", "named"),
        [
            ("CREATE INDEX i ON a (val)", "- index i"),
            ("ALTER TABLE a ADD CONSTRAINT k CHECK (val <> '')", "- constraint a.k"),
            ("CREATE STATISTICS s ON val, n FROM a", "- statistics s"),
        ],
    )
    def test_what_goes_with_a_dropped_column(self, migrated: Try, by_hand: str, named: str) -> None:
        result, database = migrated("ALTER TABLE a DROP COLUMN val", by_hand=by_hand)

        assert not result.ok
        assert named in result.text
        assert (
            database.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'val'") == 1
        )

    def test_an_object_that_a_statement_makes_beside_or_changes_with_no_tie(self, migrated: Try) -> None:
        trigger = (
            "CREATE FUNCTION also() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.a'::regclass AND attname = 'number')"
            " AND pg_catalog.to_regclass('beside') IS NULL THEN %s; END IF; END $$;"
            " CREATE EVENT TRIGGER also ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION also()"
        )
        for action, named in (
            ("CREATE TABLE beside (id integer)", "+ table beside"),
            ("CREATE VIEW beside AS SELECT val FROM a", "+ view beside"),
            ("CREATE OR REPLACE VIEW far AS SELECT 2 AS x", "view far"),
            ("GRANT SELECT ON up TO PUBLIC", "+ grant table up PUBLIC SELECT"),
        ):
            result, _ = migrated(
                "ALTER TABLE a RENAME COLUMN n TO number",
                by_hand="CREATE VIEW far AS SELECT 1 AS x;" + trigger % action,
            )
            assert not result.ok, action
            assert named in result.text


OWN = (
    "CREATE TABLE b (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
    "CREATE TABLE c (id integer GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 2 CYCLE))",
    "DROP TABLE c; ALTER TABLE a ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
    "ALTER TABLE a ALTER COLUMN id DROP IDENTITY",
    "ALTER TABLE a ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY; GRANT USAGE ON SEQUENCE a_id_seq TO PUBLIC",
    "CREATE TABLE d (id bigserial PRIMARY KEY); ALTER SEQUENCE d_id_seq OWNED BY NONE",
    "CREATE SCHEMA side; ALTER DEFAULT PRIVILEGES IN SCHEMA side GRANT SELECT ON TABLES TO PUBLIC;"
    " CREATE TABLE side.t (id serial)",
    "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"
    " CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "GRANT USAGE ON SCHEMA public TO PUBLIC; COMMENT ON SCHEMA public IS 'ours'; GRANT CREATE ON SCHEMA public TO PUBLIC",
    "CREATE SCHEMA back; COMMENT ON SCHEMA back IS 'x'; GRANT USAGE ON SCHEMA back TO PUBLIC",
    "CREATE VIEW v AS SELECT id, val FROM a; GRANT SELECT (val) ON v TO PUBLIC; COMMENT ON COLUMN v.val IS 'x'",
    "COMMENT ON INDEX a_pkey IS 'x'; COMMENT ON CONSTRAINT a_pkey ON a IS 'y'; COMMENT ON TABLE p IS 'z'",
    "CREATE TYPE t AS (x integer); COMMENT ON TYPE t IS 'x'; COMMENT ON COLUMN t.x IS 'y'; GRANT USAGE ON TYPE t TO PUBLIC",
    "CREATE TYPE r AS RANGE (subtype = float8); GRANT USAGE ON TYPE r TO PUBLIC",
    "DROP TYPE r",
)
SET = (
    ("ALTER TABLE a ALTER val SET STATISTICS 500", "ALTER TABLE a ALTER val SET NOT NULL"),
    ("ALTER TABLE a ALTER val SET STORAGE EXTERNAL", "ALTER TABLE a ALTER val TYPE varchar(99)"),
    ("ALTER TABLE a ALTER val SET (n_distinct = 50)", "ALTER TABLE a ALTER val SET DEFAULT 'x'"),
    ("ALTER TABLE a SET (fillfactor = 70)", "ALTER TABLE a SET UNLOGGED"),
    ("ALTER TABLE a REPLICA IDENTITY FULL", "ALTER TABLE a SET UNLOGGED"),
    ("CREATE INDEX i ON a (n); CLUSTER a USING i", "ALTER TABLE a ADD more text"),
    ("ALTER TABLE a SET (toast.autovacuum_enabled = false)", "ALTER TABLE a DROP COLUMN n"),
    ("ALTER INDEX a_pkey SET (fillfactor = 60)", "ALTER TABLE a RENAME CONSTRAINT a_pkey TO a_key"),
)


class TestOwnFacts:
    @on_versions(15, 18)
    def test_run_also_where_new_objects_get_rights_by_themselves(self, migrated: Try) -> None:
        rights = ";".join(
            f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {what} TO PUBLIC"
            for what in ("TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS")
        )
        result, _ = migrated(*OWN, by_hand=rights)

        assert result.ok, result.text

    @on_versions(15, 18)
    def test_what_somebody_set_by_hand_is_in_nobodys_way(self, migrated: Try) -> None:
        tables = "".join(f"CREATE TABLE a{n} (id integer PRIMARY KEY, val text, n integer);" for n in range(len(SET)))
        by_hand = ";".join(hand.replace(" a ", f" a{n} ").replace("a_", f"a{n}_") for n, (hand, _) in enumerate(SET))
        changes = [
            change.replace("TABLE a ", f"TABLE a{n} ").replace("a_", f"a{n}_") for n, (_, change) in enumerate(SET)
        ]
        result, _ = migrated(*changes, by_hand=by_hand, baseline=tables)

        assert result.ok, result.text
