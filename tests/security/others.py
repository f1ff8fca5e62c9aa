"""Objects of all kinds that belong to other roles."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers import Database

_OTHERS_OWN = """
CREATE ROLE {role} NOLOGIN; CREATE ROLE {role}_2 NOLOGIN;
CREATE SCHEMA theirs AUTHORIZATION {role}; GRANT USAGE ON SCHEMA theirs TO {role}_2;
CREATE TABLE theirs."A table" (id bigserial PRIMARY KEY, n integer); ALTER TABLE theirs."A table" OWNER TO {role};
INSERT INTO theirs."A table" (n) VALUES (1), (2);
GRANT SELECT, UPDATE (n) ON theirs."A table" TO {role}_2 WITH GRANT OPTION;
SET ROLE {role}_2; GRANT SELECT ON theirs."A table" TO PUBLIC; RESET ROLE;
CREATE FUNCTION theirs.f(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN
RETURN 1;
ALTER ROLE {role} SUPERUSER;
ALTER TABLE theirs.t OWNER TO {role};
END';
ALTER FUNCTION theirs.f OWNER TO {role}; REVOKE ALL ON FUNCTION theirs.f FROM PUBLIC;
CREATE TYPE theirs.mood AS ENUM ('good'); ALTER TYPE theirs.mood OWNER TO {role};
CREATE DOMAIN theirs.d AS integer; ALTER DOMAIN theirs.d OWNER TO {role}; GRANT USAGE ON TYPE theirs.d TO {role}_2;
CREATE VIEW theirs.v AS SELECT n FROM theirs."A table"; ALTER VIEW theirs.v OWNER TO {role}_2;
CREATE MATERIALIZED VIEW theirs.m AS SELECT n FROM theirs."A table"; ALTER MATERIALIZED VIEW theirs.m OWNER TO {role};
CREATE AGGREGATE theirs.total(integer) (sfunc = int4pl, stype = integer); ALTER AGGREGATE theirs.total(integer) OWNER TO {role};
CREATE STATISTICS theirs.s ON id, n FROM theirs."A table"; ALTER STATISTICS theirs.s OWNER TO {role};
CREATE COLLATION theirs.c (locale = 'C'); ALTER COLLATION theirs.c OWNER TO {role};
CREATE OPERATOR theirs.<+> (function = int4pl, leftarg = integer, rightarg = integer);
ALTER OPERATOR theirs.<+> (integer, integer) OWNER TO {role};
CREATE TEXT SEARCH DICTIONARY theirs.words (template = simple); ALTER TEXT SEARCH DICTIONARY theirs.words OWNER TO {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA theirs GRANT SELECT ON TABLES TO {role}_2;
ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT EXECUTE ON FUNCTIONS TO {role}_2;
CREATE PUBLICATION all_of_it FOR ALL TABLES; COMMENT ON PUBLICATION all_of_it IS 'all';
CREATE PUBLICATION one FOR TABLE theirs."A table" WHERE (id > 1);
CREATE FUNCTION theirs.ears() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER ears ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION theirs.ears();
ALTER EVENT TRIGGER ears DISABLE; COMMENT ON EVENT TRIGGER ears IS 'ears';
SELECT lo_from_bytea(4711, 'x'); ALTER LARGE OBJECT 4711 OWNER TO {role}; GRANT SELECT ON LARGE OBJECT 4711 TO {role}_2;
REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {role};
COMMENT ON SCHEMA public IS 'ours';
"""


@contextmanager
def others_own(legacy: Database, text: str = _OTHERS_OWN) -> Iterator[str]:
    """Gives objects of all kinds to another role, and drops them with that at the end; gives its name."""
    role = f"theirs_{secrets.token_hex(3)}"
    legacy.run(text.replace("{role}", role))
    try:
        yield role
    finally:
        legacy.close()
        for (old,) in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"):
            legacy.server.administer("DROP DATABASE {} WITH (FORCE)", old)
        legacy.run(
            f"DROP EVENT TRIGGER IF EXISTS ears; DROP PUBLICATION IF EXISTS all_of_it, one;"
            "SELECT lo_unlink(oid) FROM pg_largeobject_metadata;"
            f"DROP OWNED BY {role}_2 CASCADE; DROP OWNED BY {role} CASCADE; DROP ROLE {role}, {role}_2"
        )
