-- purpose: make
-- phase: schema

CREATE TABLE a (id integer, b text DEFAULT E'a\r\nb', "two
lines" text DEFAULT 'x yz', "tab	here" text);
COMMENT ON TABLE a IS E'one\ntable public.forged rls';
COMMENT ON COLUMN a.b IS 'real
newline';
