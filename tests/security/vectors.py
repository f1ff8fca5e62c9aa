"""What others plant in a database, so that whoever reads, restores or rehearses it runs functions of theirs."""

from __future__ import annotations

import re

_TABLE = "CREATE TABLE {evil}.t (i integer); INSERT INTO {evil}.t VALUES (1), (2);"

# What the role plants itself, by the kind of object whose functions a restore or a rehearsal calls.
OWN = {
    "check": "CREATE TABLE {evil}.t (i integer CHECK ({evil}.yes(i))); INSERT INTO {evil}.t VALUES (1);",
    "domain": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); CREATE TABLE {evil}.t (i {evil}.d);"
    "INSERT INTO {evil}.t VALUES (1);",
    "domain in an array": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE));"
    "CREATE TABLE {evil}.t (i {evil}.d[]); INSERT INTO {evil}.t VALUES ('{1,2}');",
    "domain in a row": "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); CREATE TYPE {evil}.pair AS (a {evil}.d);"
    "CREATE TABLE {evil}.t (p {evil}.pair); INSERT INTO {evil}.t VALUES (ROW(1));",
    "generated column": "CREATE TABLE {evil}.t (i integer, g boolean GENERATED ALWAYS AS ({evil}.yes(i)) STORED);"
    "INSERT INTO {evil}.t VALUES (1);",
    "cast": "CREATE TYPE {evil}.mood AS ENUM ('good', 'bad'); CREATE FUNCTION {evil}.says({evil}.mood) RETURNS text"
    " IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM {evil}.grab(); RETURN 'x'; END $$;"
    "CREATE CAST ({evil}.mood AS text) WITH FUNCTION {evil}.says({evil}.mood) AS IMPLICIT;"
    "CREATE TABLE {evil}.t (m {evil}.mood); INSERT INTO {evil}.t VALUES ('good');",
    "cast of an array": "CREATE TYPE {evil}.mood AS ENUM ('good', 'bad'); CREATE FUNCTION {evil}.says({evil}.mood[])"
    " RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM {evil}.grab(); RETURN 'x'; END $$;"
    "CREATE CAST ({evil}.mood[] AS text) WITH FUNCTION {evil}.says({evil}.mood[]) AS IMPLICIT;"
    "CREATE TABLE {evil}.t (m {evil}.mood[]); INSERT INTO {evil}.t VALUES ('{good}');",
    "default": "CREATE TABLE {evil}.t (i integer, b boolean DEFAULT {evil}.yes(1)); INSERT INTO {evil}.t VALUES (1);",
    "index expression": f"{_TABLE} CREATE INDEX ON {{evil}}.t (({{evil}}.same(i)));",
    "index predicate": f"{_TABLE} CREATE INDEX ON {{evil}}.t (i) WHERE {{evil}}.yes(i);",
    # What these call is called whenever somebody plans a query of the table.
    "index expression of constants": f"{_TABLE} CREATE INDEX ON {{evil}}.t ((i + {{evil}}.same(1)));",
    "index predicate of constants": f"{_TABLE} CREATE INDEX ON {{evil}}.t (i) WHERE i > {{evil}}.same(1);",
    "index operator of constants": f"{_TABLE} CREATE OPERATOR {{evil}}.## (RIGHTARG = integer, FUNCTION = {{evil}}.same);"
    "CREATE INDEX ON {evil}.t ((i + (OPERATOR({evil}.##) 1)));",
    "statistics of constants": f"{_TABLE} CREATE STATISTICS {{evil}}.s ON (i + {{evil}}.same(1)), i FROM {{evil}}.t;",
    "exclusion": f"{_TABLE} ALTER TABLE {{evil}}.t ADD EXCLUDE (({{evil}}.same(i)) WITH =);",
    "statistics": f"{_TABLE} CREATE STATISTICS {{evil}}.s ON ({{evil}}.same(i)), i FROM {{evil}}.t;",
    "materialized view": f"{_TABLE} CREATE MATERIALIZED VIEW {{evil}}.m AS SELECT {{evil}}.yes(i) AS b FROM {{evil}}.t;",
    "partition key": "CREATE TABLE {evil}.p (i integer) PARTITION BY LIST (({evil}.same(i)));"
    "CREATE TABLE {evil}.p1 PARTITION OF {evil}.p FOR VALUES IN (1); INSERT INTO {evil}.p VALUES (1);",
    "rule": f"{_TABLE} CREATE RULE r AS ON INSERT TO {{evil}}.t DO ALSO SELECT {{evil}}.grab();",
    "policy": f"{_TABLE} ALTER TABLE {{evil}}.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON {evil}.t USING ({evil}.yes(i));",
    "row trigger": "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " FOR EACH ROW EXECUTE FUNCTION {evil}.row();"
    "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON public.project_roles"
    " FOR EACH ROW EXECUTE FUNCTION {evil}.row();",
    "statement trigger": "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " FOR EACH STATEMENT EXECUTE FUNCTION {evil}.row();",
    "constraint trigger": "CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON public.project_equipment_groups"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {evil}.row();",
}
# What somebody with power made, with a function that is the role's: it may put another body into it at any time.
OTHERS = {
    "check": "ALTER TABLE public.project_roles ADD CHECK ({evil}.yes(1));",
    "index expression": "CREATE INDEX ON public.customers (({evil}.same(length(name))));",
    "index expression of constants": "CREATE INDEX ON public.customers ((length(name) + {evil}.same(1)));",
    "generated column": "ALTER TABLE public.project_roles ADD COLUMN g boolean GENERATED ALWAYS AS ({evil}.yes(1)) STORED;",
    "materialized view": "CREATE MATERIALIZED VIEW public.m AS SELECT {evil}.yes(1) AS b FROM public.customers;",
    "event trigger": "CREATE EVENT TRIGGER ears ON ddl_command_end EXECUTE FUNCTION {evil}.ddl();",
    "operator class": "CREATE FUNCTION {evil}.less(integer, integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM {evil}.grab(); RETURN btint4cmp($1, $2); END $$;"
    "ALTER FUNCTION {evil}.less OWNER TO {evil};"
    "CREATE OPERATOR CLASS {evil}.c FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,"
    " OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 {evil}.less(integer, integer);"
    "CREATE TABLE public.ordered AS SELECT i FROM generate_series(1, 5) AS i; CREATE INDEX ON public.ordered (i {evil}.c);",
    "function without leaks": "CREATE FUNCTION {evil}.sure(integer) RETURNS boolean IMMUTABLE SECURITY DEFINER LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM {evil}.grab(); RETURN true; END $$; ALTER FUNCTION {evil}.sure LEAKPROOF;"
    "ALTER FUNCTION {evil}.sure OWNER TO {evil};"
    "CREATE TABLE public.sure (i integer CHECK ({evil}.sure(i))); INSERT INTO public.sure VALUES (1);",
}

# What a superuser who reads a table runs, when its owner likes.
CALLED_BY_READING = re.compile(r"(INDEX|STATISTICS|EXCLUDE)[^;]*\{evil\}\.(same|yes|##)")
