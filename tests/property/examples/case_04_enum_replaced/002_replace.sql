-- purpose: replace
-- phase: schema

ALTER TABLE a ALTER COLUMN c DROP DEFAULT;
CREATE TYPE k_new AS ENUM ('x', 'y');
ALTER TABLE a ALTER COLUMN c TYPE k_new USING (c::text::k_new);
ALTER TYPE k RENAME TO k_old;
ALTER TYPE k_new RENAME TO k;
DROP TYPE k_old;
ALTER TABLE a ALTER COLUMN c SET DEFAULT 'x';
