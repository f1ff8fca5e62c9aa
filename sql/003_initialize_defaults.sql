-- purpose: give each artist project a default variant
-- phase: data
-- data: converge
-- batch: keyset

-- A project that has a default variant keeps it. One that has a variant named "default" which is not
-- the default yet gets it promoted: a second one of that name cannot be.
WITH batch AS (
    SELECT p.id
    FROM projects AS p
    JOIN project_types AS t ON t.id = p.project_type_id
    WHERE t.code = 'artist'
        AND p.id > COALESCE(
            NULLIF(current_setting('pgmigrate.batch_after', true), ''),
            '00000000-0000-0000-0000-000000000000'
        )::uuid
        AND NOT EXISTS (
            SELECT 1
            FROM project_variants AS v
            WHERE v.project_id = p.id
                AND v.is_default
        )
    ORDER BY p.id
    LIMIT COALESCE(current_setting('pgmigrate.batch_size', true), '1000')::integer
),
promoted AS (
    UPDATE project_variants AS v
    SET is_default = true
    FROM batch AS b
    WHERE v.project_id = b.id
        AND v.variant_name = 'default'
    RETURNING v.project_id
),
inserted AS (
    INSERT INTO project_variants (project_id, variant_name, display_name, is_default)
    SELECT
        b.id,
        'default',
        'Standard Setup',
        true
    FROM batch AS b
    WHERE b.id NOT IN (SELECT p.project_id FROM promoted AS p)
    ON CONFLICT DO NOTHING
    RETURNING project_id
)
SELECT
    (SELECT l.id FROM batch AS l ORDER BY l.id DESC LIMIT 1) AS last_key,
    (SELECT count(*) FROM promoted) + (SELECT count(*) FROM inserted) AS row_count;
