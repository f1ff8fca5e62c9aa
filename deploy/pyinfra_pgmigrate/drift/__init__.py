"""Schema drift: what was changed outside of migrations."""
