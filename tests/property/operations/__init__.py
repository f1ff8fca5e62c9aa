"""What generated histories are made of: each function writes one operation, each module has those on one kind of object."""

from __future__ import annotations

from ..pen import KNOWN, Operation
from . import (
    again,
    columns,
    comments,
    constraints,
    data,
    functions,
    indexes,
    own_types,
    partitions,
    policies,
    privileges,
    schemas,
    sequences,
    statistics,
    tables,
    triggers,
    views,
)

# What a seed draws is found by its place: another order makes other histories of the same seed.
_ORDER = (
    *(views, functions, triggers, policies),
    data,
    *(schemas, own_types, sequences, indexes, privileges, comments, statistics),
    again,
    *(tables, columns, constraints, partitions),
)

OPERATIONS: tuple[Operation, ...] = tuple(
    one for module in _ORDER for one in KNOWN if one.write.__module__ == module.__name__
)
