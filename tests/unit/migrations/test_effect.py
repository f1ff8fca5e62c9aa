"""Effect files: written for reviewers, read back as they were."""

from __future__ import annotations

from hashlib import sha256

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.effect import FORMAT, Effect, Lock, StatementEffect, bases_of, parse, render
from pyinfra_pgmigrate.migrations.files import Migration

from tests.support.migrations import MIGRATIONS
from tests.support.servers import SQL

FIRST = StatementEffect(
    1,
    "ALTER TABLE orders ADD COLUMN note text: 'x'",
    "abc",
    Patch(frozenset({"column orders.a text"}), frozenset({"column orders.note text", 'column "b c"."ü\u2028" text'})),
    (Lock("AccessExclusiveLock", "orders"), Lock("ShareLock", 's."Two Words"')),
    ("orders",),
    ("function f()", "table orders"),
    ("table other",),
)
SECOND = StatementEffect(2, "DROP TABLE orders", "def", Patch(frozenset({"column orders.note text"})))
EFFECT = Effect("1234", (FIRST, SECOND))
TEXT = f"""\
# effect of 001_a, recorded by "pgmigrate record"; never edited by hand
format {FORMAT}
base 1234

statement 1: ALTER TABLE orders ADD COLUMN note text: 'x'
lock AccessExclusiveLock orders
lock ShareLock s."Two Words"
rewrite orders
needs function f()
needs table orders
touches table other
- column orders.a text
+ column "b c"."ü\u2028" text
+ column orders.note text
hash abc

statement 2: DROP TABLE orders
- column orders.note text
hash def
"""


def test_an_effect_is_text_for_reviewers() -> None:
    assert render("001_a", EFFECT) == TEXT


def test_it_is_read_as_it_was_written() -> None:
    assert parse(TEXT, source="001_a.effect") == EFFECT
    assert parse(render("002_b", Effect("9", ())), source="x") == Effect("9", ())


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda one: one.name)
def test_shipped_effects_are_the_bytes_that_recording_writes(migration: Migration) -> None:
    path = SQL / f"{migration.name}.effect"
    text = path.read_text(encoding="utf-8")

    assert render(path.stem, parse(text, source=path.name)) == text


def test_the_whole_of_a_migration_is_all_its_statements_after_each_other() -> None:
    assert EFFECT.patch == Patch(frozenset({"column orders.a text"}), frozenset({'column "b c"."ü\u2028" text'}))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TEXT.replace("hash abc\n", ""), 16),
        (TEXT.replace("hash def\n", ""), 18),
        (TEXT.replace("base 1234\n", ""), 18),
        (TEXT.replace("lock AccessExclusiveLock orders", "lock AccessExclusiveLock"), 6),
        (TEXT.replace("statement 1:", "statement one:"), 5),
        (TEXT.replace("statement 1: ", "statement 1 "), 5),
        (TEXT.replace("needs table orders", "wants table orders"), 10),
        (TEXT.replace("- column orders.a text", "- column"), 12),
        (TEXT.replace(f"format {FORMAT}", f"format {FORMAT + 1}"), 2),
        (TEXT.replace(f"format {FORMAT}", "format new"), 2),
        ("something else\n", 1),
    ],
)
def test_a_line_that_does_not_belong_there_is_refused_by_its_number(text: str, line: int) -> None:
    with pytest.raises(
        PgMigrateError, match=rf'could not read effect "x": line {line} does not belong there'
    ) as caught:
        parse(text, source="x")
    assert caught.value.refusal.kind is Kind.EFFECT


def test_an_effect_of_an_older_version_is_to_be_recorded_again() -> None:
    with pytest.raises(PgMigrateError, match="recorded by an older version") as caught:
        parse(TEXT.replace(f"format {FORMAT}", f"format {FORMAT - 1}"), source="x")
    assert "pgmigrate record" in caught.value.refusal.hint


def test_a_base_is_the_hash_of_all_checksums_before_it_in_their_order() -> None:
    found = list(bases_of("baseline", iter(["a", "b", "c"])))

    assert found == [sha256(text.encode()).hexdigest() for text in ("baseline", "baseline\na", "baseline\na\nb")]
