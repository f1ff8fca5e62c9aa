"""A role that may not make databases: known before anything is dumped, and what is advised works."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import labels
from tests.support.harness import Result, backup, migrate, restore, rollback
from tests.support.servers import Database


@pytest.fixture
def plain(legacy: Database) -> Iterator[str]:
    """A role that owns the database and what is in it, and may not make others."""
    role = f"plain_{secrets.token_hex(3)}"
    legacy.run(
        f"CREATE ROLE {role} LOGIN BYPASSRLS; GRANT pg_read_all_data TO {role};"
        f"ALTER DATABASE {legacy.name} OWNER TO {role}; GRANT ALL ON SCHEMA public TO {role}"
    )
    legacy.run(
        "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP"
        f" EXECUTE format('ALTER TABLE %s OWNER TO {role}', t); END LOOP; END $$"
    )
    yield role
    legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO postgres; REASSIGN OWNED BY {role} TO postgres")
    legacy.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def _advised(refusal: str) -> dict[str, Any]:
    """Returns the settings that a refusal names."""
    return dict(re.findall(r"--data (\w+)=(\w+)", refusal))


class TestWithoutTheRight:
    @pytest.mark.parametrize("verb", [backup, migrate, rollback], ids=lambda one: one.__name__)
    def test_each_verb_says_so_before_the_dump_and_its_advice_works(
        self,
        legacy: Database,
        plain: str,
        kept: Callable[..., dict[str, Any]],
        folder: Path,
        verb: Callable[..., Result],
    ) -> None:
        if verb is rollback:
            assert migrate(legacy.settings(pg_user=plain)).ok

        refused = verb(kept(pg_user=plain))

        assert not refused.ok
        assert "it may not make databases" in refused.refusals[0], refused.text
        assert f'ALTER ROLE "{plain}" CREATEDB' in refused.refusals[0]
        assert "taking backup" not in refused.text
        assert not folder.exists() or labels(folder) == []
        advice = _advised(refused.refusals[0])
        result = verb(kept(pg_user=plain, **advice))
        assert result.ok, result.text
        assert len(labels(folder)) == 1

    @pytest.mark.parametrize("verb", [backup, migrate], ids=lambda one: one.__name__)
    def test_a_dry_run_says_so_too(
        self, plain: str, kept: Callable[..., dict[str, Any]], verb: Callable[..., Result]
    ) -> None:
        result = verb(kept(pg_user=plain), execute=False)

        assert not result.ok
        assert "it may not make databases" in result.refusals[0]

    def test_a_rehearsal_on_the_structure_alone_needs_it_too(
        self, plain: str, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        refused = migrate(kept(pg_user=plain, pg_verify="read", pg_rehearse="schema"))

        assert not refused.ok
        assert "it may not make databases" in refused.refusals[0]
        assert _advised(refused.refusals[0])["pg_rehearse"] == "off"
        assert not folder.exists() or labels(folder) == []

    def test_restore_advises_nothing_that_does_not_help(self, plain: str, kept: Callable[..., dict[str, Any]]) -> None:
        assert backup(kept(pg_verify="read")).ok

        refused = restore(kept(pg_user=plain, pg_backup="latest"))

        assert not refused.ok
        assert "it may not make databases" in refused.refusals[0]
        assert _advised(refused.refusals[0]) == {}
