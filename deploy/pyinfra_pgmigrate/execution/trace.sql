-- Prints the word trace: which tables the session holds locked, how large they are and where they are stored; null
-- where that is as after the statement before. Variables: place (of the step in the session), number (of the statement
-- before; 0: none yet), locks (JSON: [[mode, table with its schema], ...] that the effects predict), traced (what
-- was printed last), in_schema, newest, traces_all (false: of many tables, those in locks and what is not as in held), held.
EXECUTE pgmigrate_trace(:'place', :'number', :'locks', :'traced', :'in_schema', :'newest', :'traces_all', :'held') \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate trace :payload
