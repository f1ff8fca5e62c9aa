-- purpose: block
-- phase: schema

CREATE TABLE draft (id integer);
DO $$ BEGIN INSERT INTO note VALUES (42); END $$;
