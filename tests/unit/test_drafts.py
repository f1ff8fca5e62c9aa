"""Drafts of rollback scripts, from effects alone."""

from __future__ import annotations

from pyinfra_pgmigrate.catalog import Patch
from pyinfra_pgmigrate.drafts import draft
from pyinfra_pgmigrate.effect import Effect, StatementEffect
from pyinfra_pgmigrate.migration import Header, Migration


def migration(*lines: str) -> Migration:
    """Returns a migration of one statement that adds these lines."""
    effect = StatementEffect(number=1, words="", checksum="", patch=Patch(plus=frozenset(lines)))
    return Migration(1, "001_x", Header("x", "schema"), (), "", effect=Effect("", (effect,)))


def test_a_constraint_goes_with_its_table_or_its_domain_and_one_of_a_table_that_stays_goes_by_itself() -> None:
    text = draft(
        [
            migration(
                'type "no. of pieces" domain integer',
                'constraint "no. of pieces"."not, below" CHECK ((VALUE >= 0))',
                "table notes",
                "constraint notes.notes_pkey PRIMARY KEY (id)",
                "constraint projects.named CHECK ((name <> ''::text))",
            )
        ],
        1,
        1,
    )

    assert [line for line in text.splitlines() if line and not line.startswith("--")] == [
        "ALTER TABLE projects DROP CONSTRAINT IF EXISTS named;",
        "DROP TABLE IF EXISTS notes;",
        'DROP TYPE IF EXISTS "no. of pieces";',
    ]
