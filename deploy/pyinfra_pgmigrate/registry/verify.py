"""What verify queries say, each in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..psql.answer import Answer, Unreadable
from ..psql.question import Question
from ..psql.script import Run, joined, session_of, setting
from ..resources import read_sql
from .model import Problem, Verified


def verify(run: Run, schema: str, queries: Mapping[int, str]) -> Question[dict[int, Verified] | Unreadable]:
    """Asks verify queries, by version, each in a transaction that cannot write.

    Locks: what the queries take, reads only.
    """
    purpose = f"verify queries of {', '.join(f'{version:03}' for version in queries)}"
    return Question(purpose, joined([*session_of(run, schema, "verify"), *asked_each(queries)]), _answers)


def asked_each(queries: Mapping[int, str]) -> list[str]:
    """Returns the part of a script that asks some by version, each in a transaction of its own."""
    parts: list[str] = []
    for version, query in queries.items():
        begin = ["BEGIN TRANSACTION READ ONLY;", "SET LOCAL lock_timeout = '10s';"]
        parts += [setting("version", version), *begin, *asked(query), "ROLLBACK;"]
    return parts


def asked(query: str) -> list[str]:
    """Returns the part of a script that asks one; its version is a variable."""
    return [setting("verify", query), read_sql("registry/verify"), read_sql("registry/ask_verify")]


def verified_by(found: Mapping[str, Any]) -> Verified:
    """Returns one answer, as verify.sql tells it."""
    return Verified(
        problems=tuple(Problem(*row) for row in found.get("problems", ())),
        count=found.get("count"),
        sqlstate=found.get("sqlstate"),
        message=found.get("message"),
    )


def _answers(answer: Answer) -> dict[int, Verified] | Unreadable:
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    return all_verified(answer)


def all_verified(answer: Answer) -> dict[int, Verified]:
    """Returns the answers of the verify queries by version."""
    return {found["version"]: verified_by(found) for found in answer.values("verified")}
