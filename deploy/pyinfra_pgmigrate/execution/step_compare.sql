-- Compares what changed with what the effect promises. Variables: compared_before, compared_after (names of settings; where
-- reads_parts, with the lines of part alone, and all lines that were are in before), minus, plus, removes (LIKE patterns),
-- objects (keys whose owner, grants and comments may change), allowed (lines of what others had built and the library itself
-- dropped or made again in this step). Leaves foreign_lines (JSON, each with its sign), lacking (JSON), removed and added
-- (arrays), has_foreign.
EXECUTE pgmigrate_compare(
    :'compared_before', :'compared_after', :'minus', :'plus', :'removes', :'objects', :'allowed', :'reads_parts', :'before', :'part'
) \gset
