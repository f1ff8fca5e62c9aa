-- Says that the statements of a moment have been executed. Variables: moment.
SELECT pg_catalog.pg_advisory_lock(1886414196, 2 * :moment + 1);
