"""Names with spaces, dots, commas and quotes, of every kind: made by migrations, looked at, and taken back."""

from __future__ import annotations

from pathlib import Path

from pyinfra_pgmigrate.cli import main as pgmigrate

from tests.support.application import application, same
from tests.support.harness import migrate, rollback, status, validate
from tests.support.migrations import record
from tests.support.servers import Server

BEFORE = """
CREATE TYPE "Mood, ring" AS ENUM ('it''s on', 'a "b"');
CREATE DOMAIN "no. of pieces" AS integer CONSTRAINT "not, below" CHECK (VALUE >= 0);
CREATE TABLE "Other. table" ("a b" integer PRIMARY KEY);
"""

FIRST = '''-- purpose: names as people give them
-- phase: schema

CREATE SEQUENCE "paper no.";
CREATE TABLE "Order Notes" (
    "Line No" bigint DEFAULT nextval('"paper no."') CONSTRAINT "the. key" PRIMARY KEY,
    "a.b" text NOT NULL DEFAULT 'x',
    "say ""hi""" "no. of pieces" NOT NULL DEFAULT 1,
    mood "Mood, ring",
    CONSTRAINT "no, never" CHECK ("a.b" <> ' CREATE INDEX '),
    CONSTRAINT "each. once" UNIQUE ("a.b", "say ""hi""")
);
CREATE INDEX "my index" ON "Order Notes" ("a.b");
CREATE UNIQUE INDEX "an index CREATE INDEX of. mine" ON "Order Notes" ("say ""hi""", "Line No");
CREATE FUNCTION "touch it"("a value" text DEFAULT '') RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper("a value") $$;
CREATE FUNCTION "keep. it"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER "keep, always" BEFORE UPDATE ON "Order Notes" FOR EACH ROW EXECUTE FUNCTION "keep. it"();
CREATE VIEW "Notes, short" AS SELECT n."Line No", "touch it"(n."a.b") AS "up. per" FROM "Order Notes" AS n;
CREATE MATERIALIZED VIEW "Notes, counted" AS SELECT count(*) AS "how many" FROM "Order Notes";
CREATE STATISTICS "of. notes" (ndistinct) ON "a.b", mood FROM "Order Notes";
ALTER TABLE "Order Notes" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may see" ON "Order Notes" FOR SELECT USING ("a.b" <> 'hidden');
'''

SECOND = """-- purpose: more of them, on a table that is there
-- phase: schema

ALTER TABLE "Order Notes" ADD COLUMN "new col" integer;
ALTER TABLE "Order Notes" REPLICA IDENTITY USING INDEX "an index CREATE INDEX of. mine";
ALTER TABLE "Order Notes" CLUSTER ON "my index";
"""

THIRD = """-- purpose: and one more index
-- phase: schema

CREATE INDEX CONCURRENTLY "by ""new"" col" ON "Order Notes" ("new col") WHERE "new col" > 5;
"""


def test_they_go_through_everything(server: Server, tmp_path: Path) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    for number, text in enumerate((FIRST, SECOND, THIRD), start=1):
        (sql / f"{number:03}_odd.sql").write_text(text)
    (sql / "baseline.sql").write_text(BEFORE)
    record(sql, server)
    assert pgmigrate(["draft-rollback", "001-003", "--dir", str(sql)]) == 0
    with server.database("empty") as database:
        database.run(BEFORE)
        database.run('INSERT INTO "Other. table" VALUES (7)')
        before = application(database)
        settings = database.settings(
            pg_sql_dir=str(sql), pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"), pg_measure="changes"
        )

        first = migrate(settings)

        assert first.ok, first.text
        assert "rehearsal: rolled back to the same rows and catalog as before, and migrated again" in first.lines
        assert "WARN  statistics" not in first.text
        assert database.value("SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'Order Notes'")
        database.run(
            "INSERT INTO \"Order Notes\" (\"a.b\", mood, \"new col\") SELECT 'note ' || n, 'it''s on', n"
            " FROM generate_series(1, 20) AS n"
        )
        rows = database.rows('SELECT * FROM "Order Notes" ORDER BY 1')
        assert migrate(settings).changed == []
        assert "no drift" in status(settings).lines
        assert validate(settings).ok
        back = rollback(settings)
        assert back.ok, back.text
        assert same(before, database) == []
        assert validate(settings).ok
        forward = migrate(settings)
        assert forward.ok, forward.text
        assert database.rows('SELECT * FROM "Order Notes" ORDER BY 1') == rows
        assert validate(settings).ok
