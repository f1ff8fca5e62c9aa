"""What queries cost, before and after: measurements, and what to make of two of them. Pure.

The measure is how many shared buffers (blocks of 8 KiB) an execution reads, whether they are in memory or not:
the same on a busy and on an idle machine. Milliseconds stand beside it and decide nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..application.queries import Query
from .verdict import Check, Verdict

# So many buffers more are no finding, and a table of so many pages is small. Measured (PostgreSQL 18, standard costs):
# to read 60 pages with 4,800 rows from end to end took 0.34 ms; and the planner itself does so, index or not, on
# tables of less than 5 pages, where no index is missed.
FEW_BUFFERS = 50

_SEQUENTIAL = "Seq Scan"

_SEVERITY = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.FAIL: 2}


@dataclass(frozen=True)
class Node:
    """A node of a plan.

    + kind: as PostgreSQL calls it, such as Index Scan; table, index: empty where it names none
    """

    kind: str
    table: str = ""
    index: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.index, f"on {self.table}" if self.table else "")))


@dataclass(frozen=True)
class Table:
    """A table that a plan reads.

    + pages: of its rows, without indexes; indexes: names of those that are valid
    + is_stale: nobody has analyzed it since many of its rows were written, so the planner guesses
    """

    name: str
    pages: int
    indexes: tuple[str, ...]
    is_stale: bool = False


@dataclass(frozen=True)
class Measurement:
    """One execution of a query.

    + at: time in UTC, empty where it is now; version: the newest migration then
    + parameters: values of $1, $2 and so on, as text
    + buffers: shared ones that it read; heap_fetches: rows that index-only scans looked up in the table, which costs
      a buffer each until VACUUM has seen them; rows: that it returned; ms: milliseconds, all in memory
    + plan: nodes in order
    """

    parameters: tuple[str | None, ...]
    buffers: int
    heap_fetches: int
    rows: int
    ms: float
    plan: tuple[Node, ...]
    tables: tuple[Table, ...]
    at: str = ""
    version: int | None = None

    @property
    def words(self) -> str:
        """How it reaches its tables, in a few words."""
        scans = [node for node in self.plan if node.table and node.kind != "Bitmap Heap Scan"]
        return ", ".join(dict.fromkeys(map(str, scans))) or "no table"

    @property
    def indexed(self) -> Mapping[str, tuple[str, ...]]:
        """The tables that it reaches through indexes alone, with their names."""
        found: dict[str, tuple[str, ...]] = {}
        for node in self.plan:
            if node.index and node.table not in self.sequential:
                found[node.table] = (*found.get(node.table, ()), node.index)
        return found

    @property
    def sequential(self) -> frozenset[str]:
        """The tables that it reads from end to end."""
        return frozenset(node.table for node in self.plan if node.kind == _SEQUENTIAL)

    @property
    def pages(self) -> Mapping[str, int]:
        """Pages of the tables that it reads."""
        return {table.name: table.pages for table in self.tables}

    def access_of(self, tables: Collection[str]) -> str:
        """Returns how it reaches some of its tables, in a few words."""
        scans = [node for node in self.plan if node.table in tables and node.kind != "Bitmap Heap Scan"]
        return ", ".join(dict.fromkeys(map(str, scans)))


@dataclass(frozen=True)
class Measured:
    """What came of measuring a query.

    + found: None where it could not be measured; then ``why`` says so, or there was no row to draw parameters from
    + first: the first measurement of the same text that the registry keeps
    + last: the last from before the migrations of a run
    """

    query: str
    found: Measurement | None
    why: str = ""
    first: Measurement | None = None
    last: Measurement | None = None


@dataclass(frozen=True)
class Comparison:
    """A query before and after.

    + before: the first measurement that the registry keeps, or the last from before a run's migrations where that
      says worse of it; after: now; None: there is none
    + verdict: with the reason in words, what was expected instead, and the one next command
    """

    query: Query
    before: Measurement | None
    after: Measurement | None
    verdict: Verdict
    reason: str
    expected: str = ""
    hint: str = ""

    @property
    def name(self) -> str:
        """Name of the query."""
        return self.query.name

    @property
    def purpose(self) -> str:
        """What the query is for."""
        return self.query.purpose

    @property
    def check(self) -> Check:
        """The comparison as one of the checks of a database."""
        return Check(self.verdict, "query", self.name, self.reason, self.expected, self.hint)


def due_queries(queries: Sequence[Query], applied: Collection[int]) -> tuple[Query, ...]:
    """Returns the queries that can run where some migrations are applied."""
    return tuple(query for query in queries if query.since is None or query.since in applied)


def read_measured(found: Mapping[str, Any]) -> Measured:
    """Returns what a line of ``script.measure`` says.

    Raises ValueError, KeyError or TypeError for one that cannot be read.
    """
    measurement: Measurement | None = None
    if not found["why"] and found["plan"] is not None:
        (explained,) = found["plan"]
        top = explained["Plan"]
        measurement = Measurement(
            tuple(found["parameters"]),
            top["Shared Hit Blocks"] + top["Shared Read Blocks"],
            _heap_fetches(top),
            round(top["Actual Rows"]),
            explained["Execution Time"],
            tuple(_nodes(top, "")),
            _tables(found["tables"]),
        )
    return Measured(found["query"], measurement, found["why"], _read_kept(found["first"]), _read_kept(found["last"]))


def _nodes(node: Mapping[str, Any], above: str) -> Iterator[Node]:
    # A Bitmap Index Scan names no table: it is that of the heap scan above it.
    table = node.get("Relation Name", above)
    index = node.get("Index Name", "")
    yield Node(node["Node Type"], node.get("Relation Name", above if index else ""), index)
    for child in node.get("Plans", ()):
        yield from _nodes(child, table)


def _heap_fetches(node: Mapping[str, Any]) -> int:
    own: int = round(node.get("Heap Fetches", 0))
    return own + sum(_heap_fetches(child) for child in node.get("Plans", ()))


def _tables(found: Sequence[Sequence[Any]]) -> tuple[Table, ...]:
    # What the registry keeps does not say whether a table was analyzed.
    return tuple(Table(name, pages, tuple(indexes), *rest) for name, pages, indexes, *rest in found)


def _read_kept(found: Mapping[str, Any] | None) -> Measurement | None:
    if found is None:
        return None
    return Measurement(
        tuple(found["parameters"]),
        found["buffers"],
        found["heap_fetches"],
        found["rows"],
        found["ms"],
        tuple(Node(*node) for node in found["plan"]),
        _tables(found["tables"]),
        found["at"],
        found["version"],
    )


def to_keep(queries: Sequence[Query], found: Sequence[tuple[str, Measurement | None]]) -> list[dict[str, Any]]:
    """Returns what the registry keeps of measurements, for ``script.keep_measurements``.

    + found: measurements by name of the query; None is left out
    """
    checksums = {query.name: query.checksum for query in queries}
    return [
        {
            "query": name,
            "checksum": checksums[name],
            "parameters": one.parameters,
            "buffers": one.buffers,
            "heap_fetches": one.heap_fetches,
            "rows": one.rows,
            "ms": one.ms,
            "plan": [[node.kind, node.table, node.index] for node in one.plan],
            "tables": [[table.name, table.pages, table.indexes] for table in one.tables],
        }
        for name, one in found
        if one is not None
    ]


@dataclass(frozen=True)
class Terms:
    """On which terms two measurements are compared.

    + factor: so many times the buffers of before are too many (pg_regression_factor)
    + is_kept: what is measured now will be kept, so that nothing to compare with is no finding
    + failed: queries that could not be measured before the migrations of this run, with the reason
    """

    factor: float
    is_kept: bool
    failed: Mapping[str, str]


def compare(queries: Sequence[Query], measured: Sequence[Measured], terms: Terms) -> tuple[Comparison, ...]:
    """Returns each query before and after; one about which nothing came back counts as not measured."""
    by_name = {one.query: one for one in measured}
    return tuple(_compare(query, by_name.get(query.name) or _no_answer(query), terms) for query in queries)


def _no_answer(query: Query) -> Measured:
    return Measured(query.name, None, "no answer")


def _compare(query: Query, measured: Measured, terms: Terms) -> Comparison:
    before, after = measured.first, measured.found

    def said(verdict: Verdict, reason: str, expected: str = "", hint: str = "") -> Comparison:
        return Comparison(query, before, after, verdict, reason, expected, hint)

    if measured.why:
        hint = (
            f"Run sql/queries/{query.name}.sql by hand; where it is slow for good: pg_query_timeout_s; where this "
            'database never had what it asks for, its header says so: "-- requires: ..."'
        )
        return said(Verdict.FAIL, f"could not be measured: {measured.why}", "a measurement", hint)
    if after is None:
        hint = f"Correct what draws its parameters in sql/queries/{query.name}.sql, or wait for data."
        return said(Verdict.WARN, "not measured: no row to draw its parameters from", "a row", hint)
    if before is None and query.name in terms.failed:
        hint = "The next run compares with what was measured now."
        reason = f"could not be measured before the migrations: {terms.failed[query.name]}; {_figures(after)} now"
        return said(Verdict.FAIL, reason, "a measurement from before", hint)
    if before is None and terms.is_kept:
        return said(Verdict.PASS, f"{_figures(after)}, measured for the first time")
    if before is None:
        hint = "To keep one: deploy/migrate.py --data pg_measure=always"
        return said(Verdict.WARN, f"{_figures(after)}, and nothing to compare with", "a measurement from before", hint)
    by_first = said(*_judged(query, before, after, terms.factor, when="before"))
    if measured.last is None or measured.last == before:
        return by_first
    # The first one may be of a time with little data, when no index was needed.
    when = f"before the migrations of {measured.last.at}"
    by_last = Comparison(query, measured.last, after, *_judged(query, measured.last, after, terms.factor, when=when))
    return by_last if _SEVERITY[by_last.verdict] > _SEVERITY[by_first.verdict] else by_first


def _judged(
    query: Query, before: Measurement, after: Measurement, factor: float, *, when: str
) -> tuple[Verdict, str, str, str]:
    """Returns verdict, reason, what was expected, and hint.

    + when: the time of ``before``, in words
    """
    figures = f"{_figures(before)} {when}, {_figures(after)} now"
    start_over = f"DELETE FROM pgmigrate.measurements WHERE query = '{query.name}'"  # noqa: S608  (words for people)
    meant = (
        f"See what changed: EXPLAIN (ANALYZE, BUFFERS) of sql/queries/{query.name}.sql; where it is meant: {start_over}"
    )
    lost = lost_indexes(before, after)
    gone = {table: names for table, names in lost.items() if not names & _indexes(after)}
    instead = f"{before.access_of(gone)} -> {after.access_of(gone)}: that index is gone, or INVALID"
    as_before = f"an index in place of {_names(gone)}"
    if gone and after.buffers > before.buffers and any(after.pages.get(one, 0) > FEW_BUFFERS for one in gone):
        hint = "Make one in a new migration, or take the migrations back: deploy/rollback.py"
        return Verdict.FAIL, f"{figures}; {instead}", as_before, hint
    most = max(before.buffers * factor, before.buffers + FEW_BUFFERS)
    if after.buffers > most:
        at_most = f"at most {most:.0f} buffers (pg_regression_factor {factor:g})"
        if after.buffers <= most * _growth(before, after):
            return Verdict.WARN, f"{figures}, with {_data(before, after)}", at_most, meant
        fetched = after.heap_fetches - before.heap_fetches
        if after.buffers - max(0, fetched) <= most:
            tables = ", ".join(sorted({node.table for node in after.plan if node.kind == "Index Only Scan"}))
            reason = f"{figures}, {fetched} of them for rows that no VACUUM has seen since they were written"
            return Verdict.WARN, reason, at_most, f"VACUUM {tables}"
        plans = f"{before.words} -> {after.words}"
        stale = ", ".join(table.name for table in after.tables if table.is_stale)
        if stale:
            reason = f"{figures}; {plans}, planned without statistics of {stale}"
            return Verdict.WARN, reason, at_most, f"ANALYZE {stale}; then: deploy/validate.py"
        return Verdict.FAIL, f"{figures}; {plans}", at_most, meant
    if before.rows > 0 and after.rows == 0:
        reason = f"{figures}, but its parameters find no row any more, {before.rows} before"
        return Verdict.WARN, reason, "rows", f"To start over with other parameters: {start_over}"
    if gone:
        return Verdict.WARN, f"{figures}, no dearer yet; {instead}", as_before, meant
    flipped = f"; {before.access_of(lost)} -> {after.access_of(lost)}, the planner's choice" if lost else ""
    return Verdict.PASS, figures + flipped, "", ""


def lost_indexes(before: Measurement, after: Measurement) -> dict[str, frozenset[str]]:
    """Returns the tables that were reached through indexes and are now read from end to end, with those indexes.

    Where another index took the place of one, nothing is lost.
    """
    return {table: frozenset(names) for table, names in before.indexed.items() if table in after.sequential}


def _indexes(measurement: Measurement) -> frozenset[str]:
    return frozenset(name for table in measurement.tables for name in table.indexes)


def _growth(before: Measurement, after: Measurement) -> float:
    """Returns how many times more data there is: rows returned, or pages of the tables that both plans read."""
    both = before.pages.keys() & after.pages.keys()
    pages = sum(after.pages[one] for one in both) / max(1, sum(before.pages[one] for one in both))
    return max(1.0, pages, after.rows / max(1, before.rows))


def _data(before: Measurement, after: Measurement) -> str:
    both = before.pages.keys() & after.pages.keys()
    pages = [sum(one.pages[name] for name in both) for one in (after, before)]
    return f"{after.rows} rows returned, {before.rows} before, from {pages[0]} pages of tables, {pages[1]} before"


def _figures(measurement: Measurement) -> str:
    digits = 1 if measurement.ms >= 1 else 2
    return f"{measurement.buffers} buffer{'' if measurement.buffers == 1 else 's'} ({measurement.ms:.{digits}f} ms)"


def _names(gone: Mapping[str, Collection[str]]) -> str:
    return ", ".join(f"{', '.join(sorted(names))} on {table}" for table, names in sorted(gone.items()))
