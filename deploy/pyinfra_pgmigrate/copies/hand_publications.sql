-- Gives the role of a copy its publications, but for those that a superuser alone may own. Variables: role, has_role.
SELECT pg_catalog.format('ALTER PUBLICATION %I OWNER TO %I', p.pubname, :'role')
FROM pg_catalog.pg_publication AS p
WHERE :'has_role'::boolean
    AND NOT p.puballtables
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_publication_namespace AS n WHERE n.pnpubid = p.oid)
\gexec
