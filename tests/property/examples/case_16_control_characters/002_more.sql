-- purpose: more
-- phase: schema

INSERT INTO a (id) VALUES (1);
ALTER TABLE a ALTER COLUMN b SET DEFAULT 'now
real newline';
CREATE INDEX "an
index" ON a ("two
lines") WHERE b <> E'\r';
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a
b c' $$;
