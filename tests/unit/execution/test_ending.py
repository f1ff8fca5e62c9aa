"""What comes after the last step of a session: statistics, and a look for whatever comes next."""

from __future__ import annotations

import json

import pytest
from pyinfra_pgmigrate.execution.ending import Ending
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.registry.look import observed_in
from pyinfra_pgmigrate.resources import read_sql

from tests.support import plans
from tests.support.captured import VERSIONS, answer
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of

LEGACY = plans.plan("legacy")
NEWEST = MIGRATIONS[-1].version


def script_of(ending: Ending) -> str:
    return "\n".join(ending.script(RUN, "public", lock_timeout_ms=2000))


class TestOf:
    def test_what_was_made_or_got_an_index_is_analyzed(self) -> None:
        assert Ending.of(LEGACY, [1]).tables == {'"project_equipment_groups"', '"project_roles"'}
        assert Ending.of(LEGACY, [2]).tables == {"project_variants", '"project_variants"'}
        assert Ending.of(LEGACY, [3]).tables == frozenset()

    def test_it_looks_for_what_follows_another_migration_or_the_validation(self) -> None:
        assert Ending.of(LEGACY, [1]).queries == {}
        assert Ending.of(LEGACY, [NEWEST]).queries == {}
        assert Ending.of(LEGACY, [one.version for one in MIGRATIONS]).queries == {}
        assert Ending.of(plans.plan("applied-6"), []).queries == {}

    def test_it_asks_the_verify_query_that_the_next_one_waits_for_and_no_other(self) -> None:
        # Whether rows are as 003 leaves them shows nowhere else; of 004 that comes after it, nobody asks yet.
        assert Ending.of(LEGACY, [2]).queries == {3: MIGRATIONS[2].verify}


class TestScript:
    def test_tables_are_analyzed_in_order_and_by_their_real_names(self) -> None:
        script = script_of(Ending(frozenset({"roles", 'other."a.b"', r'"two\\lines\n"'})))

        assert json.loads(value_of(script, "tables")) == sorted(
            ['"public".roles', 'other."a.b"', '"public"."two\\lines\n"']
        )
        assert value_of(script, "lock_timeout_ms") == "2000"
        assert value_of(script, "application_name").endswith(" analyze")
        assert "observe" not in script

    def test_the_look_comes_last_and_changes_nothing(self) -> None:
        script = script_of(Ending(frozenset({"roles"}), {3: "SELECT 1"}))
        look = script[script.index(read_sql("registry/observe_begin").rstrip()) :]

        assert script.index("ANALYZE") < script.index("REPEATABLE READ READ ONLY")
        assert is_balanced(script)
        # The session made it, and may have begun without one.
        assert value_of(script, "registry_exists") == "true"
        assert "COMMIT" not in look
        *_, (last, inside) = in_transactions(look)
        assert (last, inside) == ("ROLLBACK;", False)
        # The session has it prepared, and again would be an error.
        assert "PREPARE pgmigrate_read" not in script
        assert (value_of(look, "version"), value_of(look, "verify")) == ("3", "SELECT 1")

    def test_the_catalog_is_read_and_not_taken_from_what_was_kept(self) -> None:
        script = script_of(Ending(queries={}))

        assert values_of(script, "now") == ["pg_catalog.current_setting('pgmigrate.now')::text[]"]
        assert "EXECUTE pgmigrate_read('pgmigrate.now', false);" in script

    def test_nothing_to_do_is_no_script(self) -> None:
        assert Ending().script(RUN, "public", lock_timeout_ms=2000) == []


class TestAnswer:
    @pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")
    def test_what_was_seen_is_what_a_look_of_its_own_would_have_seen(self, version: int) -> None:
        found = answer(version, "applied-6")

        assert Ending(queries={}).seen(found) == observed_in(found)

    def test_nothing_was_seen_where_nobody_looked_or_the_session_broke_off(self) -> None:
        assert Ending().seen(answer(18, "applied-6")) is None
        assert Ending(queries={}).seen(Answer(None, answer(18, "applied-6").lines)) is None
        assert Ending(queries={}).seen(Answer(3, (("outcome", {}),))) is None

    def test_statistics_are_there_when_the_session_said_so(self) -> None:
        tables = frozenset({"roles"})

        assert Ending().has_analyzed(Answer(3))
        assert not Ending(tables).has_analyzed(Answer(3))
        assert Ending(tables).has_analyzed(Answer(3, (("analyzed", True),)))
