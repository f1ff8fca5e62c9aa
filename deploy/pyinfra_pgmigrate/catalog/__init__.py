"""The catalog of a database as lines: what they say, and the DDL that makes what they say."""
