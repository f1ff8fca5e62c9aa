-- Looks whether something rare has come since what reads the catalog was prepared without it. Variables: has_rare, which
-- it leaves as it is now. Leaves has_come.
\set has_come false
\if :has_rare
\else
EXECUTE pgmigrate_rare \gset
\set has_come :has_rare
\endif
