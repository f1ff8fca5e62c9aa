-- Gives a restored database the properties that it had: owner, grants, settings, limit, labels; its comment comes with
-- its name. Prints the word notes: what could not be set. Variables: target, properties (JSON, as about.sql prints them).
SELECT
    pg_catalog.set_config('pgmigrate.target', :'target', false),
    pg_catalog.set_config('pgmigrate.properties', :'properties', false),
    pg_catalog.set_config('pgmigrate.notes', '[]', false);
DO $$
DECLARE
    target text := pg_catalog.current_setting('pgmigrate.target');
    properties jsonb := pg_catalog.current_setting('pgmigrate.properties')::jsonb;
    statement text;
    one jsonb;
    notes jsonb := '[]';
BEGIN
    FOR statement, one IN
        SELECT
            pg_catalog.format('ALTER DATABASE %I CONNECTION LIMIT %s', target, properties ->> 'connection_limit'),
            NULL::jsonb

        UNION ALL
        SELECT pg_catalog.format('ALTER DATABASE %I IS_TEMPLATE true', target), NULL
        WHERE (properties ->> 'is_template')::boolean

        UNION ALL
        SELECT
            pg_catalog.format('SECURITY LABEL FOR %I ON DATABASE %I IS %L', l.value ->> 0, target, l.value ->> 1), NULL
        FROM pg_catalog.jsonb_array_elements(
            CASE pg_catalog.jsonb_typeof(properties -> 'labels') WHEN 'array' THEN properties -> 'labels' ELSE '[]' END
        ) AS l

        UNION ALL
        -- Without grants of its own a database has PostgreSQL's defaults.
        SELECT pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', target), NULL
        WHERE pg_catalog.jsonb_typeof(properties -> 'grants') = 'null'

        UNION ALL
        SELECT
            pg_catalog.format(
                'GRANT %s ON DATABASE %I TO %s%s',
                g.value ->> 1,
                target,
                COALESCE(pg_catalog.quote_ident(g.value ->> 0), 'PUBLIC'),
                CASE WHEN (g.value ->> 2)::boolean THEN ' WITH GRANT OPTION' ELSE '' END
            ),
            NULL
        FROM pg_catalog.jsonb_array_elements(
            CASE pg_catalog.jsonb_typeof(properties -> 'grants') WHEN 'array' THEN properties -> 'grants' ELSE '[]' END
        ) AS g

        UNION ALL
        -- FROM CURRENT keeps the value as it is, lists included.
        SELECT
            CASE
                WHEN s.value ->> 0 IS NULL
                    THEN pg_catalog.format('ALTER DATABASE %I SET %I FROM CURRENT', target, s.value ->> 1)
                ELSE pg_catalog.format(
                    'ALTER ROLE %I IN DATABASE %I SET %I FROM CURRENT', s.value ->> 0, target, s.value ->> 1
                )
            END,
            s.value
        FROM pg_catalog.jsonb_array_elements(properties -> 'settings') AS s

        UNION ALL
        -- The owner last: after that we may have no right to the rest.
        SELECT pg_catalog.format('ALTER DATABASE %I OWNER TO %I', target, properties ->> 'owner'), NULL
    LOOP
        BEGIN
            IF one ->> 1 IN ('role', 'session_authorization') THEN
                RAISE EXCEPTION 'it would change who we are';
            END IF;
            IF one IS NOT NULL THEN
                PERFORM pg_catalog.set_config(one ->> 1, one ->> 2, true);
            END IF;
            EXECUTE statement;
        EXCEPTION
            WHEN OTHERS THEN
                notes := notes || pg_catalog.jsonb_build_array(statement || ': ' || SQLERRM);
        END;
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.notes', notes::text, false);
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.notes') AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate notes :payload
