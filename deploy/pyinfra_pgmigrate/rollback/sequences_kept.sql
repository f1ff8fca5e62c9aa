-- Leaves in the quarantine where those sequences were that the rollback has dropped, and takes out what it has only
-- given another name. Variables: run_id.
SELECT pg_catalog.set_config('pgmigrate.run_id', :'run_id', true);
DO $$
DECLARE
    place bigint;
    kept bigint;
BEGIN
    FOR place IN
        SELECT k.id
        FROM pg_temp.pgmigrate_kept AS k
        JOIN pg_catalog.pg_class AS c ON c.oid = k.relation
        WHERE k.attnum IS NULL
            OR EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = k.relation
                    AND a.attnum = k.attnum
                    AND NOT a.attisdropped
            )
    LOOP
        EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || place);
        DELETE FROM pgmigrate.quarantines AS q WHERE q.id = place;
    END LOOP;
    SELECT max(q.id)
    INTO place
    FROM pgmigrate.quarantines AS q
    WHERE q.run_id = pg_catalog.current_setting('pgmigrate.run_id')::uuid
        AND q.kind = 'sequence';
    EXECUTE pg_catalog.format(
        'DELETE FROM pgmigrate.%I AS q USING pg_catalog.pg_sequence AS s WHERE s.seqrelid = q.place', 'quarantine_' || place
    );
    EXECUTE pg_catalog.format('SELECT count(*) FROM pgmigrate.%I', 'quarantine_' || place) INTO kept;
    UPDATE pgmigrate.quarantines AS q SET row_count = kept WHERE q.id = place;
    IF kept = 0 THEN
        EXECUTE pg_catalog.format('DROP TABLE pgmigrate.%I', 'quarantine_' || place);
        DELETE FROM pgmigrate.quarantines AS q WHERE q.id = place;
    END IF;
END;
$$;
