-- purpose: an index
-- phase: schema

CREATE INDEX CONCURRENTLY note_body ON note (body);
