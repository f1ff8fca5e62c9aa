"""Rules that are a matter of size: on tables that are there, by their rows."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.lint.rules import Finding
from pyinfra_pgmigrate.lint.sizes import TableSize, judged_by_size, matters_of_size, sizes
from pyinfra_pgmigrate.migrations.effect import Lock
from pyinfra_pgmigrate.psql.answer import Answer, Unreadable
from pyinfra_pgmigrate.psql.script import Run

from tests.support.captured import observed
from tests.unit.lint.test_rules import did, migration

RUN = Run("0" * 32, "me", "here", "@local", "1")
SEEN = observed(18, "legacy")
REWRITE = Finding("012_change.sql", 3, "rewrite", "every row of a is rewritten, under lock", "Do not.", ("a", "b"))


def test_only_what_would_run_on_a_table_that_is_there_is_a_matter_of_size() -> None:
    on = {name: Lock("ShareLock", name) for name in ("projects", "elsewhere")}
    index = "CREATE INDEX i ON {} (id);"
    found = migration(
        f"{index.format('projects')}\n{index.format('elsewhere')}\nTRUNCATE projects;",
        did("index i", locks=(on["projects"],)),
        did("index j", locks=(on["elsewhere"],)),
        did(locks=(Lock("AccessExclusiveLock", "projects"),)),
    )

    (one,) = matters_of_size([(found, (1, 2, 3))], SEEN)
    assert (one.rule, one.line, one.tables) == ("blocking-index", 1, ("projects",))
    assert matters_of_size([(found, (2, 3))], SEEN) == []
    assert matters_of_size([], SEEN) == []


@pytest.mark.parametrize(("rows", "most", "refused"), [(100, 100, False), (101, 100, True), (10**9, 0, False)])
def test_rows_decide(rows: int, most: int, refused: bool) -> None:
    notes, refusals = judged_by_size([REWRITE], {"a": TableSize(1, 8192), "b": TableSize(rows, 16384)}, most)

    assert bool(refusals) == refused
    assert bool(notes) != refused
    told = f"about {rows} rows in table b (16.0 KiB)"
    if refused:
        (refusal,) = refusals
        assert refusal.kind is Kind.LARGE
        assert told in refusal.detail
        assert "pg_large_table_rows=0" in refusal.hint
    else:
        assert told in notes[0]


def test_a_table_that_went_meanwhile_is_none() -> None:
    assert judged_by_size([REWRITE], {}, 1) == ((), ())


def test_sizes_are_read_from_the_answer() -> None:
    asked = sizes(["a"], RUN, "public")
    assert asked.read(Answer(0, (("sizes", [["a", 3, 8192]]),))) == {"a": TableSize(3, 8192)}
    assert isinstance(asked.read(Answer(3)), Unreadable)
