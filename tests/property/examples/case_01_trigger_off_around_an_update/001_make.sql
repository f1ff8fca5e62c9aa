-- purpose: make
-- phase: schema

CREATE TABLE a (id integer, n text);
INSERT INTO a VALUES (1, 'new'), (2, NULL);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.n := 'by the trigger';
    RETURN NEW;
END
$$;
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();
