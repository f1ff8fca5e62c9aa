-- A role that may use projects may use project_variants in the same way.
SELECT
    'table project_variants' AS object,
    CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(p.grantee) END
        || ' has ' || p.privilege_type || ' on projects and not here' AS problem
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS p
WHERE c.oid = 'projects'::regclass
    AND p.grantee <> c.relowner
    AND NOT EXISTS (
        SELECT 1
        FROM pg_class AS v
        CROSS JOIN LATERAL aclexplode(v.relacl) AS g
        WHERE v.oid = 'project_variants'::regclass
            AND g.grantee = p.grantee
            AND g.privilege_type = p.privilege_type
            AND g.is_grantable >= p.is_grantable
    );
