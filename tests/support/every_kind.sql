-- As many objects of every kind as :count says; each names the one before it where its kind can. Lines of ---- tell
-- apart what is sent by itself.
CREATE PUBLICATION published;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far FOREIGN DATA WRAPPER wrapper OPTIONS (host 'far');
CREATE TABLE parted (id int PRIMARY KEY, name text NOT NULL DEFAULT '', CHECK (id > 0)) PARTITION BY RANGE (id);
CREATE INDEX ON parted (name);
----
DO $outer$
BEGIN
    FOR place IN 1..:count LOOP
        EXECUTE format($inner$
            CREATE TYPE mood_%1$s AS ENUM ('good', 'bad');
            CREATE DOMAIN amount_%1$s AS numeric CHECK (VALUE > 0);
            CREATE TYPE pair_%1$s AS (a int, b text);
            CREATE TYPE span_%1$s AS RANGE (subtype = int4);
            CREATE CAST (pair_%1$s AS text) WITH INOUT;
            CREATE COLLATION sorted_%1$s FROM "C";
            CREATE TEXT SEARCH CONFIGURATION search_%1$s (COPY = simple);
            CREATE FUNCTION touch_%1$s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE FUNCTION twice_%1$s(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';
            CREATE AGGREGATE total_%1$s (int) (sfunc = int4pl, stype = int);
            CREATE SEQUENCE free_%1$s;
            CREATE TABLE thing_%1$s (
                id serial PRIMARY KEY,
                number bigint GENERATED ALWAYS AS IDENTITY,
                before int REFERENCES thing_%2$s (id),
                name text UNIQUE DEFAULT 'x',
                mood mood_%1$s,
                amount amount_%1$s,
                doubled int GENERATED ALWAYS AS (before * 2) STORED,
                CHECK (before > 0)
            );
            CREATE INDEX lower_%1$s ON thing_%1$s (lower(name));
            CREATE SEQUENCE owned_%1$s OWNED BY thing_%1$s.before;
            CREATE STATISTICS known_%1$s ON id, before FROM thing_%1$s;
            CREATE TRIGGER touched_%1$s BEFORE INSERT ON thing_%1$s FOR EACH ROW EXECUTE FUNCTION touch_%1$s();
            CREATE POLICY seen_%1$s ON thing_%1$s USING (id > 0);
            CREATE RULE kept_%1$s AS ON DELETE TO thing_%1$s DO ALSO NOTHING;
            CREATE TABLE child_%1$s (more int) INHERITS (thing_%1$s);
            CREATE TABLE parted_%1$s PARTITION OF parted FOR VALUES FROM (%1$s0) TO (%1$s9);
            CREATE VIEW shown_%1$s AS SELECT id, name FROM thing_%1$s;
            CREATE VIEW joined_%1$s AS SELECT a.id, b.name FROM thing_%1$s AS a JOIN shown_%1$s AS b USING (id);
            CREATE MATERIALIZED VIEW held_%1$s AS SELECT id FROM thing_%1$s;
            CREATE FOREIGN TABLE far_%1$s (a int OPTIONS (name 'x'), b text OPTIONS (name 'y')) SERVER far OPTIONS (name 'z');
            CREATE SCHEMA room_%1$s;
            CREATE TABLE room_%1$s.inside (a int PRIMARY KEY, b text);
            ALTER DEFAULT PRIVILEGES IN SCHEMA room_%1$s GRANT SELECT ON TABLES TO PUBLIC;
            ALTER PUBLICATION published ADD TABLE room_%1$s.inside (a) WHERE (a > 3);
            ALTER TABLE thing_%1$s ALTER COLUMN name SET STATISTICS 10, ALTER COLUMN name SET STORAGE EXTERNAL;
            ALTER TABLE thing_%1$s SET (fillfactor = 80);
            GRANT SELECT ON thing_%1$s TO PUBLIC; GRANT SELECT (name) ON thing_%1$s TO PUBLIC;
            COMMENT ON TABLE thing_%1$s IS 'x'; COMMENT ON COLUMN thing_%1$s.id IS 'x'; COMMENT ON FUNCTION touch_%1$s() IS 'x';
            COMMENT ON CONSTRAINT thing_%1$s_pkey ON thing_%1$s IS 'x'; COMMENT ON TRIGGER touched_%1$s ON thing_%1$s IS 'x';
        $inner$, place, greatest(place - 1, 1));
        -- Each keeps locks until the end of its transaction.
        COMMIT;
    END LOOP;
END
$outer$;
----
ANALYZE;
