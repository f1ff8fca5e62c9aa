"""What is otherwise in one answer than in another, written as JSON."""

from __future__ import annotations

import json
from typing import Any


def difference(before: Any, after: Any) -> Any:
    """Returns what makes one value of another; None where they are the same."""
    if before == after and type(before) is type(after):
        return None
    if isinstance(before, dict) and isinstance(after, dict):
        changed = {
            name: {"=": after[name]} if name not in before else change
            for name in after
            if name not in before or (change := difference(before[name], after[name])) is not None
        }
        return {"of": changed, "without": sorted(before.keys() - after.keys())}
    if _is_set(before) and _is_set(after):
        return {"-": sorted(set(before) - set(after)), "+": sorted(set(after) - set(before))}
    return {"=": after}


def _is_set(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(one, str) for one in value)
        and sorted(set(value), key=json.dumps) == value
    )


def changed(before: Any, change: Any) -> Any:
    """Returns what ``difference`` says that became of a value."""
    if change is None:
        return before
    if "=" in change:
        return change["="]
    if "of" in change:
        left = {name: one for name, one in before.items() if name not in change["without"]}
        return {**left, **{name: changed(before.get(name), one) for name, one in change["of"].items()}}
    return sorted((set(before) - set(change["-"])) | set(change["+"]), key=json.dumps)


def encoded(value: Any) -> str:
    """Returns a value as the files hold it: the same bytes for the same value."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
