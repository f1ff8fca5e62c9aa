"""What of a dump takes more than a database of one's own, read from statements as pg_dump writes them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from pyinfra_pgmigrate.copies.ownership import (
    Left,
    Owning,
    Powered,
    is_beyond_a_copy,
    left_out,
    owner_of_database,
    owners,
    powered,
    roles_in,
    verifier,
)
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support.contents import RUN

# As pg_restore prints the structure of a dump, comments among it.
DUMP = r"""--
-- PostgreSQL database dump
--

\restrict gGxQzY1aB

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: plan(); Type: FUNCTION; Schema: public; Owner: app
--

CREATE FUNCTION public.plan() RETURNS text
    LANGUAGE sql
    AS $$ SELECT 'ALTER TABLE public.t OWNER TO mallory; \unrestrict gGxQzY1aB' $$;


ALTER FUNCTION public.plan() OWNER TO app;

CREATE TABLE public.t (
    id integer
);
ALTER TABLE public.t OWNER TO "The Owner";

CREATE EVENT TRIGGER watch ON ddl_command_end
         WHEN TAG IN ('CREATE TABLE')
   EXECUTE FUNCTION public.watch();
ALTER EVENT TRIGGER watch OWNER TO app;
COMMENT ON EVENT TRIGGER watch IS 'ALTER ROLE mallory SUPERUSER;';

CREATE PUBLICATION feed WITH (publish = 'insert, update');
ALTER PUBLICATION feed OWNER TO app;
ALTER PUBLICATION ONLY_HERE ADD TABLE ONLY public.t;
COMMENT ON PUBLICATION feed IS 'for the warehouse';

--
-- Name: TABLE t; Type: ACL
--

REVOKE ALL ON TABLE public.t FROM "The Owner";
GRANT SELECT ON TABLE public.t TO reader;
GRANT ALL ON FUNCTION public.plan() TO PUBLIC;
SET SESSION AUTHORIZATION app;
RESET SESSION AUTHORIZATION;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader;
COMMENT ON TABLE public.t IS 'rows';
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
ALTER DATABASE shop OWNER TO mallory;
GRANT ALL ON DATABASE shop TO mallory;

--
-- PostgreSQL database dump complete
--

\unrestrict gGxQzY1aB

"""

FIRST = [
    ("owner", "ALTER FUNCTION public.plan() OWNER TO app"),
    ("owner", 'ALTER TABLE public.t OWNER TO "The Owner"'),
    ("publication", "CREATE PUBLICATION feed WITH (publish = 'insert, update')"),
    ("owner", "ALTER PUBLICATION feed OWNER TO app"),
    ("publication", "ALTER PUBLICATION ONLY_HERE ADD TABLE ONLY public.t"),
    ("publication", "COMMENT ON PUBLICATION feed IS 'for the warehouse'"),
    ("rights", 'REVOKE ALL ON TABLE public.t FROM "The Owner"'),
    ("rights", "GRANT SELECT ON TABLE public.t TO reader"),
    ("rights", "GRANT ALL ON FUNCTION public.plan() TO PUBLIC"),
    ("grantor", "SET SESSION AUTHORIZATION app"),
    ("grantor", "RESET SESSION AUTHORIZATION"),
    ("default privileges", "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader"),
]
LAST = [
    "CREATE EVENT TRIGGER watch ON ddl_command_end\n         WHEN TAG IN ('CREATE TABLE')\n"
    "   EXECUTE FUNCTION public.watch()",
    "ALTER EVENT TRIGGER watch OWNER TO app",
    "COMMENT ON EVENT TRIGGER watch IS 'ALTER ROLE mallory SUPERUSER;'",
]


class TestPowered:
    def test_owners_rights_and_what_a_superuser_makes_are_found_in_their_order_event_triggers_last(self) -> None:
        found = powered(DUMP)

        assert [(one.what, one.text) for one in found] == [*FIRST, *(("event trigger", text) for text in LAST)]

    def test_a_dump_without_the_word_of_psql_is_read_too(self) -> None:
        text = "ALTER TABLE public.t OWNER TO app"

        assert powered(text) == powered(f"{text};\n") == [Powered(text, "owner")]
        assert powered("") == []

    def test_what_the_grammar_does_not_know_is_refused(self) -> None:
        with pytest.raises(ValueError, match="the statements of the dump cannot be read: syntax error"):
            powered("ALTER TABLE t OWNER TO app;\n\\connect other\n")

    def test_a_table_whose_owner_is_set_with_something_else_is_none_of_them(self) -> None:
        assert powered("ALTER TABLE t ADD COLUMN c integer, OWNER TO app") == []

    def test_publications_alone_last_in_a_copy(self) -> None:
        assert {one.what for one in powered(DUMP) if one.lasts} == {"publication"}

    @pytest.mark.parametrize(
        ("text", "names", "roles"),
        [
            ('ALTER TABLE s."T x" OWNER TO "The App"', {"T x"}, {"The App"}),
            ("GRANT SELECT ON TABLE s.a, s.b TO app, PUBLIC", {"a", "b"}, {"app"}),
            ("GRANT EXECUTE ON FUNCTION s.f(integer) TO app WITH GRANT OPTION", {"f"}, {"app"}),
            ("GRANT USAGE ON SCHEMA s TO app", {"s"}, {"app"}),
            ("ALTER SCHEMA s OWNER TO app", {"s"}, {"app"}),
            ("ALTER TYPE s.mood OWNER TO app", {"mood"}, {"app"}),
            ("ALTER FUNCTION s.f(integer) OWNER TO app", {"f"}, {"app"}),
            (
                "CREATE EVENT TRIGGER watch ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION s.f()",
                {"watch"},
                set(),
            ),
            ("CREATE PUBLICATION feed FOR TABLE s.t", {"feed", "t"}, set()),
        ],
    )
    def test_a_statement_names_objects_without_their_schema_and_roles(
        self, text: str, names: set[str], roles: set[str]
    ) -> None:
        (found,) = powered(text)

        assert found.names == names
        assert found.roles == roles

    def test_default_privileges_are_about_roles(self) -> None:
        (found,) = powered("ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO reader")

        assert found.names == {"app", "reader"}

    def test_the_database_is_given_by_a_statement_whatever_it_is_called(self) -> None:
        found = owner_of_database('my "copy"; DROP', 'the "app"')

        assert found == Powered('ALTER DATABASE "my ""copy""; DROP" OWNER TO "the ""app"""', "database")
        assert len(split(found.text)) == 1
        assert found.roles == {'the "app"'}


def test_roles_are_read_by_the_grammar_alone() -> None:
    assert roles_in("GRANT SELECT ON t TO app; ALTER TABLE t OWNER TO CURRENT_USER") == {"app"}
    assert roles_in("COMMENT ON TABLE t IS 'GRANT x TO mallory'") == frozenset()
    assert roles_in("COPY t FROM stdin;\n1\n\\.") == frozenset()


@pytest.mark.parametrize(
    ("statement", "beyond"),
    [
        ("ALTER TABLE t OWNER TO app", True),
        ("ALTER SCHEMA s OWNER TO app", True),
        ("ALTER EVENT TRIGGER e OWNER TO app", False),
        ("ALTER TABLE t ADD COLUMN c integer", False),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO reader", True),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader", False),
        ("SET LOCAL ROLE app", True),
        ("SET LOCAL SESSION AUTHORIZATION app", True),
        ("SET LOCAL work_mem = '8MB'", False),
        ("GRANT SELECT ON t TO app", False),
        ("CREATE TABLE t (id integer)", False),
    ],
)
def test_a_statement_that_only_says_who_owns_or_acts_is_beyond_a_copy(statement: str, beyond: bool) -> None:
    assert is_beyond_a_copy(split(statement)[0].node, statement) is beyond


class TestLeftOut:
    def test_nothing_failed_is_nothing_left_out(self) -> None:
        assert left_out([], ["app"]) == Left()

    def test_a_role_that_the_server_does_not_have_is_one_note_for_all_that_it_owned(self) -> None:
        failed = [
            (one, "42704", 'role "gone" does not exist')
            for one in powered("ALTER TABLE s.a OWNER TO gone; GRANT SELECT ON s.b TO gone, app")
        ]

        assert left_out(failed, ["app"]) == Left(
            notes=('role "gone" is not on the server: what it owns or may do was left out',),
            roles=frozenset({"gone"}),
            names=frozenset({"a", "b"}),
        )

    def test_other_reasons_are_told_by_subject_and_role_with_the_first_message(self) -> None:
        text = "ALTER TABLE s.b OWNER TO app; ALTER TABLE s.a OWNER TO app; ALTER TABLE s.c OWNER TO other; GRANT SELECT ON s.d TO app"
        failed = [(one, "42501", f"must be able to SET ROLE ({place})") for place, one in enumerate(powered(text))]

        found = left_out(failed, ["app", "other"])

        assert found.notes == (
            "owner app was not set on the copy and not compared, of b, a: must be able to SET ROLE (0) (SQLSTATE 42501)",
            "owner other was not set on the copy and not compared, of c: must be able to SET ROLE (2) (SQLSTATE 42501)",
            "rights were not set on the copy and not compared, on d: must be able to SET ROLE (3) (SQLSTATE 42501)",
        )
        assert found.names == {"a", "b", "c", "d"}
        assert found.roles == frozenset()

    def test_what_a_superuser_alone_makes_and_default_privileges_are_kept_apart(self) -> None:
        text = (
            "CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION f(); CREATE PUBLICATION feed FOR ALL TABLES;"
            " ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO reader"
        )

        found = left_out([(one, "42501", "permission denied") for one in powered(text)], ["app", "reader"])

        assert found.made == {"watch", "feed"}
        assert found.defaults == {"app", "reader"}
        assert found.names == frozenset()
        assert found.notes == (
            "publication was not made on the copy and not compared: feed: permission denied (SQLSTATE 42501)",
            "default privileges were not set on the copy and not compared, of app, reader: permission denied"
            " (SQLSTATE 42501)",
            "event trigger was not made on the copy and not compared: watch: permission denied (SQLSTATE 42501)",
        )

    def test_the_session_and_the_database_itself_are_nothing_to_tell(self) -> None:
        failed = [(Powered("SET SESSION AUTHORIZATION app", "grantor"), "42501", "no")]
        failed.append((owner_of_database("copy", "app"), "42501", "no"))

        assert left_out(failed, ["app"]).notes == ()

    def test_a_note_names_a_hundred_objects_and_counts_the_others(self) -> None:
        text = ";".join(f"ALTER TABLE t{number:03} OWNER TO app" for number in range(103))

        (note,) = left_out([(one, "42501", "no") for one in powered(text)], ["app"]).notes

        assert "t099 and 3 more: no (SQLSTATE 42501)" in note
        assert "t100" not in note


def test_the_server_can_check_a_password_by_its_verifier_and_nobody_can_read_it() -> None:
    """As RFC 5802 has it: the server takes a proof made of the client key, whose hash it keeps."""
    mechanism, salted, keys = verifier("it's ü").split("$")
    rounds, _, salt = salted.partition(":")
    stored, _, server = keys.partition(":")
    key = hashlib.pbkdf2_hmac("sha256", "it's ü".encode(), base64.b64decode(salt), int(rounds))

    assert mechanism == "SCRAM-SHA-256"
    assert base64.b64decode(stored) == hashlib.sha256(hmac.digest(key, b"Client Key", "sha256")).digest()
    assert base64.b64decode(server) == hmac.digest(key, b"Server Key", "sha256")
    assert verifier("x") != verifier("x")


class TestOwners:
    def script(self, *, ends: bool, lasts: bool, restored: dict[str, str] | None = None) -> str:
        owning = Owning(["SELECT 'made'"], ["SELECT 'owned'"], ["SELECT 'last'"], "copy role", ends, lasts, restored)
        return owners(owning, RUN, "public")

    def test_statements_run_in_their_order_and_event_triggers_when_all_else_is_done(self) -> None:
        text = self.script(ends=True, lasts=True, restored={"label": "stage.1", "taken_at": "2026-11-22T13:00:00Z"})

        places = [text.index(one) for one in ("''made''", "''owned''", read_sql("copies/restored").strip(), "''last''")]
        assert places == sorted(places)
        assert "\\set label 'stage.1'" in text
        assert "\\set role 'copy role'" in text
        assert "\\set has_role 'true'" in text

    def test_a_copy_that_is_thrown_away_keeps_neither_owners_nor_rights(self) -> None:
        text = self.script(ends=False, lasts=False)

        assert text.index("ROLLBACK;") > text.index(read_sql("catalog/catalog_lines").strip())
        assert read_sql("copies/close_copy").strip() not in text
        assert read_sql("copies/close_owned").strip() not in text
        assert read_sql("copies/hand_publications").strip() in text
        assert read_sql("copies/restored").strip() not in text

    def test_a_role_that_is_to_go_is_closed_out_before_anything_of_others_runs(self) -> None:
        text = self.script(ends=True, lasts=True, restored={"label": "x", "taken_at": "y"})

        assert text.index(read_sql("copies/close_copy").strip()) < text.index("''made''")
        assert text.index("''owned''") < text.index(read_sql("copies/close_owned").strip()) < text.index("''last''")
        assert read_sql("copies/hand_publications").strip() not in text
