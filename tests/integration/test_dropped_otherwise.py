"""What a migration drops and the database has with another definition: neither dropped nor taken for gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.folders import written
from tests.support.harness import migrate, status
from tests.support.servers import Server

BEFORE = """
CREATE TABLE t (id integer PRIMARY KEY, s text, n integer CONSTRAINT positive CHECK (n > 0), gone varchar(10));
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (parent integer CONSTRAINT of_parent REFERENCES parent);
CREATE INDEX by_s ON t (s);
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fires BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE SEQUENCE numbers;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON t USING (n > 0);
CREATE VIEW seen AS SELECT id FROM t;
"""
# What each migration drops, and how the database came to have it otherwise before.
CASES = {
    "index by_s": ("DROP INDEX by_s", "DROP INDEX by_s; CREATE INDEX by_s ON t (s, id)"),
    "constraint t.positive": (
        "ALTER TABLE t DROP CONSTRAINT positive",
        "ALTER TABLE t DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (n > 1)",
    ),
    "constraint child.of_parent": (
        "ALTER TABLE child DROP CONSTRAINT of_parent",
        "ALTER TABLE child DROP CONSTRAINT of_parent, "
        "ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parent NOT VALID",
    ),
    "column t.gone": ("ALTER TABLE t DROP COLUMN gone", "ALTER TABLE t ALTER COLUMN gone TYPE text"),
    "function f()": ("DROP FUNCTION f()", "CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'"),
    "trigger t.fires": (
        "DROP TRIGGER fires ON t",
        "DROP TRIGGER fires ON t; CREATE TRIGGER fires AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()",
    ),
    "type mood": ("DROP TYPE mood", "ALTER TYPE mood ADD VALUE 'so so'"),
    "sequence numbers": ("DROP SEQUENCE numbers", "ALTER SEQUENCE numbers INCREMENT BY 2"),
    "policy t.mine": ("DROP POLICY mine ON t", "ALTER POLICY mine ON t USING (n > 5)"),
    "view seen": ("DROP VIEW seen", "CREATE OR REPLACE VIEW seen AS SELECT id FROM t WHERE id > 0"),
}


@pytest.mark.parametrize("has_history", [False, True], ids=["new registry", "with a history"])
def test_it_is_refused_with_both_definitions_and_stays(server: Server, tmp_path: Path, *, has_history: bool) -> None:
    (tmp_path / "baseline.sql").write_text(BEFORE)
    drops = [drop for drop, _ in CASES.values()]
    written(tmp_path, server, "CREATE TABLE first (id integer)", *drops)
    with server.database("empty") as database:
        database.run(BEFORE)
        settings = database.settings(pg_sql_dir=str(tmp_path))
        if has_history:
            assert migrate({**settings, "pg_target": 1}).ok
        for _, change in CASES.values():
            database.run(change)
        before = database.catalog()

        result = migrate(settings)

        assert not result.ok
        missed = [key for key in CASES if f"{key}, which it drops, has another definition" not in result.text]
        assert missed == []
        assert database.catalog() == before

        # What is not there at all is gone already, and what is as it was is dropped.
        for drop, _ in list(CASES.values())[:-1]:
            database.run(drop)
        database.run("CREATE OR REPLACE VIEW seen AS SELECT id FROM t")
        assert migrate(settings).ok
        assert "no drift" in status(settings).text
        assert database.value("SELECT to_regclass('seen')") is None
