-- After the statements of a step: durations (JSON: [[number, milliseconds], ...]) of what statement_done.sql noted in timed.
SELECT '[' || pg_catalog.substr(:'timed', 2) || ']' AS durations \gset
