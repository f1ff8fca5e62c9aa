-- purpose: path
-- phase: schema

SET LOCAL search_path = side;
CREATE TABLE b (id integer);
CREATE INDEX CONCURRENTLY a_id ON public.a (id);
CREATE TABLE c (id integer);
