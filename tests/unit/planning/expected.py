"""What a run does about each named state, as an operator would want it (see the table in ``plan``), written by hand.

A word for each of the six migrations, with the statements where it is not all of them; or the kinds of the
refusals.
"""

from __future__ import annotations

from typing import Any

from tests.support.states import UNDO

PENDING = " ".join(["apply"] * 6)
IN_PLACE = "adopt adopt adopt apply adopt adopt"
APPLIED = " ".join(["none"] * 6)

# Databases that no run of ours has seen. 004 has no statements: it is registered as applied wherever it is pending.
BY_HAND = {
    "empty": "refused: needs",
    "legacy": PENDING,
    "second": PENDING,
    "odd-legacy": PENDING,
    "hand-1": "adopt apply apply apply apply apply",
    # 002 has a statement without a trace and 003 nothing else: their verify queries say whether they ran.
    "hand-2": "adopt adopt apply apply apply apply",
    "hand-3": "adopt adopt adopt apply apply apply",
    "hand-4": "adopt adopt adopt apply apply apply",
    "hand-5": "adopt adopt adopt apply adopt apply",
    "hand-6": IN_PLACE,
    # The old rule is gone, as 006 wants it; as long as nothing runs before it, its verify query can say so. Else it
    # is run: it looks for the rule by what that says, and finds none.
    # One statement missing, with what stood on it. 002 says that its statements may run twice: 8 leaves no trace.
    "missing-1-1": "resume(1,3,4) adopt adopt apply resume(1) apply",
    "missing-1-2": "resume(2,5) adopt adopt apply resume(2) apply",
    "missing-1-3": "resume(3) adopt adopt apply adopt apply",
    "missing-1-4": "resume(4) adopt adopt apply adopt apply",
    "missing-1-5": "resume(5) adopt adopt apply adopt apply",
    "missing-2-1": "adopt resume(1,2,3,5,6,7,8) apply apply adopt apply",
    "missing-2-2": "adopt resume(2,8) adopt apply adopt apply",
    "missing-2-3": "adopt resume(3,8) adopt apply adopt apply",
    "missing-2-4": "adopt resume(4,5,8) adopt apply adopt apply",
    "missing-2-5": "adopt resume(5,8) adopt apply adopt apply",
    "missing-2-6": "adopt resume(6,8) adopt apply adopt apply",
    "missing-2-7": "adopt resume(7,8) adopt apply adopt apply",
    "missing-2-8": "adopt apply(8) adopt apply adopt apply",
    "missing-3-1": "adopt adopt apply apply adopt apply",
    "missing-5-1": "adopt adopt adopt apply resume(1) apply",
    "missing-5-2": "adopt adopt adopt apply resume(2) apply",
    "missing-6-1": "adopt adopt adopt apply adopt apply",
    # One statement alone, with what it needs.
    "alone-1-1": "resume(2,3,4,5) apply apply apply apply apply",
    "alone-1-2": "resume(1,3,4,5) apply apply apply apply apply",
    "alone-1-3": "resume(2,4,5) apply apply apply apply apply",
    "alone-1-4": "resume(2,3,5) apply apply apply apply apply",
    "alone-1-5": "resume(1,3,4) apply apply apply apply apply",
    "alone-2-1": "apply resume(2,3,4,5,6,7,8) apply apply apply apply",
    "alone-2-2": "apply resume(3,4,5,6,7,8) apply apply apply apply",
    "alone-2-3": "apply resume(2,4,5,6,7,8) apply apply apply apply",
    "alone-2-4": "apply resume(1,2,3,5,6,7,8) apply apply apply apply",
    "alone-2-5": "apply resume(2,3,6,7,8) apply apply apply apply",
    "alone-2-6": "apply resume(2,3,4,5,7,8) apply apply apply apply",
    "alone-2-7": "apply resume(2,3,4,5,6,8) apply apply apply apply",
    "alone-2-8": "apply resume(2,3,5,6,7,8) apply apply apply apply",
    "alone-3-1": "adopt adopt adopt apply apply apply",
    "alone-5-1": "adopt apply apply apply resume(2) apply",
    "alone-5-2": "adopt apply apply apply resume(1) apply",
    "alone-6-1": PENDING,
    # Something else of that name.
    "conflict-column": "refused: conflict",
    "conflict-index": "refused: conflict",
    "conflict-table": "refused: conflict",
    "conflict-view": "refused: conflict",
    "conflict-function": "refused: conflict",
    # The old rule by another name, in another form, or not there at all.
    "rule-renamed": PENDING,
    "rule-constraint": PENDING,
    "rule-absent": PENDING,
    "hand-6-rule-back": "adopt adopt adopt apply adopt apply",
    "hand-6-invalid": "resume(5) adopt adopt apply adopt apply",
    "legacy-no-table": "refused: needs",
    "legacy-as-reader": "refused: privilege",
    "verify-3-adopted": "adopt adopt apply apply adopt apply",
    "verify-4-pending": "adopt adopt adopt apply apply apply",
}

# Databases with a registry.
REGISTERED = {
    "applied-1": "none apply apply apply apply apply",
    "applied-2": "none none apply apply apply apply",
    "applied-3": "none none none apply apply apply",
    "applied-4": "none none none none apply apply",
    "applied-5": "none none none none none apply",
    "applied-6": APPLIED,
    "second-applied": APPLIED,
    "odd": APPLIED,
    "adopted-3": "none none none apply apply apply",
    "adopted-6": APPLIED,
    "resumed-6": APPLIED,
    "rule-renamed-applied": APPLIED,
    "rule-constraint-applied": APPLIED,
    "rule-absent-applied": APPLIED,
    "used": APPLIED,
    # A run of ours stopped: it goes on just there.
    "interrupted-1-3": "resume(3,4,5) apply apply apply apply apply",
    "interrupted-1-4": "resume(4,5) apply apply apply apply apply",
    "interrupted-1-5": "resume(5) apply apply apply apply apply",
    "interrupted-5-2": "none none none none resume(2) apply",
    "interrupted-1-5-undone": "refused: conflict",
    "interrupted-1-5-done": "resume() apply apply apply apply apply",
    "interrupted-1-5-changed": "resume(5) apply apply apply apply apply",
    # A registry that somebody had a hand in.
    "registry-lost": IN_PLACE,
    "registry-table-lost": "refused: registry",
    "registry-column-lost": "refused: registry",
    "registry-newer": "refused: registry",
    "registry-without-3": "refused: order",
    "registry-without-5": "refused: order",
    "registry-without-6": "none none none none none adopt",
    "registry-changed-5": "refused: changed",
    "registry-gone-7": "refused: order",
    "registry-run-at-work": APPLIED,
    "registry-no-catalogs": APPLIED,
    "older-5": "refused: order",
    "registry-1": APPLIED,
    "registry-2": APPLIED,
    "registry-3": APPLIED,
    "registry-4": APPLIED,
    "registry-5": APPLIED,
    # Taken back.
    "rolled-back": PENDING,
    "rolled-back-renamed": PENDING,
    "rolled-back-quarantined": PENDING,
    "rolled-back-forward": APPLIED,
    # Drift of what a migration made is refused; rows that a data migration is for are its to do again.
    **{f"drifted-{version}-{number}": "refused: drift" for version, number in UNDO if version != 3},
    "drifted-3-1": "none none again again none none",
    "drifted-invalid": "refused: drift",
    "drifted-type": "refused: drift",
    "drifted-old-column": APPLIED,
    "verify-3": "none none again again none none",
    "verify-4": "refused: verify",
}

# (state, host data) -> what a run decides.
SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("legacy", {"pg_target": 3}, "apply apply apply stop stop stop"),
    ("legacy", {"pg_target": 6}, PENDING),
    ("legacy", {"pg_target": 9}, "refused: settings"),
    ("applied-3", {"pg_target": 3}, "none none none stop stop stop"),
    ("applied-3", {"pg_target": 2}, "refused: settings"),
    ("applied-6", {"pg_target": 3}, "refused: settings"),
    ("hand-6", {"pg_target": 3}, "adopt adopt adopt stop stop stop"),
    ("legacy", {"pg_phase": "preparation"}, "stop stop stop stop stop stop"),
    ("legacy", {"pg_phase": "schema"}, "apply apply stop stop stop stop"),
    ("legacy", {"pg_phase": "data"}, "apply apply apply stop stop stop"),
    ("legacy", {"pg_phase": "validation"}, "apply apply apply apply apply stop"),
    ("legacy", {"pg_phase": "contract"}, PENDING),
    ("applied-6", {"pg_phase": "schema"}, APPLIED),
    # The operator's word for what ran by other means. A verify query that finds problems weighs more.
    ("legacy", {"pg_applied": 0}, PENDING),
    ("hand-1", {"pg_applied": 1}, "adopt apply apply apply apply apply"),
    ("hand-2", {"pg_applied": 2}, "adopt adopt apply apply apply apply"),
    ("hand-2", {"pg_applied": 3}, "adopt adopt apply apply apply apply"),
    ("hand-3", {"pg_applied": 3}, "adopt adopt adopt apply apply apply"),
    ("hand-5", {"pg_applied": 5}, "adopt adopt adopt apply adopt apply"),
    ("hand-6", {"pg_applied": 6}, IN_PLACE),
    # What is said to have run is there; what is there besides is decided as ever.
    ("hand-6", {"pg_applied": 5}, IN_PLACE),
    ("hand-6", {"pg_applied": 1}, IN_PLACE),
    ("legacy", {"pg_applied": 6}, "refused: conflict"),
    ("legacy", {"pg_applied": 9}, "refused: settings"),
    ("applied-3", {"pg_applied": 5}, "refused: conflict"),
    ("applied-6", {"pg_applied": 6}, APPLIED),
    ("registry-without-3", {"pg_out_of_order": True}, "none none adopt none none none"),
    ("registry-without-5", {"pg_out_of_order": True}, "none none none none adopt none"),
    ("older-5", {"pg_out_of_order": True}, "none none none none apply none"),
    # What a repair runs again. Statements without a trace ran when it was applied, unless a verify query finds problems.
    ("applied-6", {"pg_repair": True}, APPLIED),
    ("drifted-1-1", {"pg_repair": True}, "repair(1,3,4) none none again repair(1) none"),
    ("drifted-1-2", {"pg_repair": True}, "repair(2,5) none none again repair(2) none"),
    ("drifted-1-3", {"pg_repair": True}, "repair(3) none none none none none"),
    ("drifted-1-4", {"pg_repair": True}, "repair(4) none none none none none"),
    ("drifted-1-5", {"pg_repair": True}, "repair(5) none none none none none"),
    ("drifted-2-1", {"pg_repair": True}, "none repair(1,2,3,5,6,7,8) again again none none"),
    ("drifted-2-2", {"pg_repair": True}, "none repair(2,8) none none none none"),
    ("drifted-2-3", {"pg_repair": True}, "none repair(3,8) none none none none"),
    ("drifted-2-4", {"pg_repair": True}, "none repair(4,5,8) none none none none"),
    ("drifted-2-5", {"pg_repair": True}, "none repair(5,8) none none none none"),
    ("drifted-2-6", {"pg_repair": True}, "none repair(6,8) none none none none"),
    ("drifted-2-7", {"pg_repair": True}, "none repair(7,8) none none none none"),
    ("drifted-2-8", {"pg_repair": True}, "none repair(8) none none none none"),
    ("drifted-3-1", {"pg_repair": True}, "none none again again none none"),
    ("drifted-5-1", {"pg_repair": True}, "none none none none repair(1) none"),
    ("drifted-5-2", {"pg_repair": True}, "none none none none repair(2) none"),
    ("drifted-6-1", {"pg_repair": True}, "none none none none none repair"),
    ("drifted-invalid", {"pg_repair": True}, "repair(5) none none none none none"),
    ("drifted-type", {"pg_repair": True}, "refused: conflict"),
    ("verify-4", {"pg_repair": True}, "refused: verify"),
]
