"""What plans of PostgreSQL say of how they ran."""

from __future__ import annotations

from typing import Any

FEW_ROWS = 1000


def rows_handled(plan: dict[str, Any], few: float = FEW_ROWS) -> float:
    """Returns how many rows the nodes of a plan gave or threw away, all their loops together.

    Tables of few rows do not count: they are read through for as long as no index would be quicker.
    """
    own = sum(float(value) for key, value in plan.items() if key == "Actual Rows" or key.startswith("Rows Removed by"))
    if "Relation Name" in plan and own < few:
        own = 0.0
    return own * float(plan["Actual Loops"]) + sum(rows_handled(one, few) for one in plan.get("Plans", ()))
