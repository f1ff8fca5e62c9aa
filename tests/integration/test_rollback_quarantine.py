"""The quarantine of a rollback: every row and value that goes is in it, until it is thrown away on request."""

from __future__ import annotations

import re
import threading

from tests.support.application import application, same
from tests.support.harness import migrate, rollback, status
from tests.support.servers import Database
from tests.support.waiting import wait_for


class TestQuarantine:
    def test_holds_every_row_and_value_that_goes(self, applied: Database) -> None:
        applied.run(
            "UPDATE project_roles SET variant_name = 'trio' WHERE id IN (SELECT id FROM project_roles ORDER BY id LIMIT 3)"
        )
        variants = applied.rows("SELECT * FROM project_variants ORDER BY id")
        trio = applied.rows("SELECT id, variant_name FROM project_roles WHERE variant_name <> 'default' ORDER BY id")
        assert variants != []

        assert rollback(applied.settings()).ok

        found = {
            (table, column): (place, count)
            for place, table, column, count in applied.rows(
                "SELECT id, table_name, column_name, row_count FROM pgmigrate.quarantines"
            )
        }
        place, count = found["project_variants", None]
        assert (applied.rows(f"SELECT * FROM pgmigrate.quarantine_{place} ORDER BY id"), count) == (
            variants,
            len(variants),
        )
        place, count = found["project_roles", "variant_name"]
        assert (applied.rows(f"SELECT * FROM pgmigrate.quarantine_{place} ORDER BY id"), count) == (trio, 3)
        assert found["project_equipment_groups", "variant_name"][1] == 0
        told = status(applied.settings()).text
        run = applied.value("SELECT min(run_id::text) FROM pgmigrate.quarantines")[:8]
        assert re.search(rf"in the quarantine of run {run}, since [0-9: -]+ \([0-9]+ s\), [1-9][0-9.]* KiB:", told)
        assert f"{len(variants)} rows of project_variants" in told
        assert "3 values of project_roles.variant_name" in told
        assert f"--data pg_quarantine_drop={run}" in told

    def test_is_thrown_away_on_request_only(self, applied: Database) -> None:
        assert rollback(applied.settings()).ok
        run = applied.value("SELECT min(run_id::text) FROM pgmigrate.quarantines")
        drop = applied.settings(pg_quarantine_drop=run[:8])

        refused = status({**drop, "pg_needs_confirm": True})
        wrong = status({**drop, "pg_quarantine_drop": "00000000"})
        assert "could not drop what a rollback kept of database" in refused.refusals[0]
        assert f"Found {run[:8]}; expected the run that pg_quarantine_drop names" in wrong.refusals[0]
        assert applied.value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'quarantine\\_%%'") == 3

        first, second = status(drop), status(drop)

        assert first.ok, first.text
        assert (first.changed, second.unchanged) == (["Drop quarantine"], ["Drop quarantine"])
        assert applied.value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'quarantine\\_%%'") == 0
        assert applied.value("SELECT count(*) FROM pgmigrate.quarantines WHERE dropped_at IS NULL") == 0
        assert "in the quarantine" not in second.text
        # Forward again without it: as on a database that never had any.
        assert migrate(applied.settings()).ok

    def test_wants_room(self, applied: Database) -> None:
        before = application(applied)
        applied.run("UPDATE pg_class SET reltuples = 1e12 WHERE relname = 'project_roles'")

        result = rollback(applied.settings())

        assert "not enough room where the server keeps its data" in result.refusals[0]
        assert same(before, applied) == []
        applied.run("ANALYZE project_roles")
        assert rollback(applied.settings()).ok

    def test_holds_the_row_that_is_committed_while_it_waits(self, applied: Database) -> None:
        count = applied.value("SELECT count(*) FROM project_variants")

        def commit_once_it_waits() -> None:
            wait_for(
                lambda: applied.rows("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"),
                what="the rollback in the queue",
                seconds=30,
            )
            writer.commit()

        with applied.server.connect(applied.name) as writer:
            writer.autocommit = False
            writer.execute(
                "INSERT INTO project_variants (project_id, variant_name, display_name)"
                " SELECT id, 'late', 'Late' FROM projects LIMIT 1"
            )
            committing = threading.Thread(target=commit_once_it_waits)
            committing.start()
            result = rollback(applied.settings(pg_lock_poll_s=0.05, pg_lock_timeout_s=50))
            committing.join()

        assert result.ok, result.text
        assert applied.value("SELECT row_count FROM pgmigrate.quarantines WHERE column_name IS NULL") == count + 1
        assert migrate(applied.settings()).ok
        assert applied.value("SELECT count(*) FROM project_variants WHERE variant_name = 'late'") == 1
