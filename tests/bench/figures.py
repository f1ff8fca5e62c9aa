"""What benchmarks measured: a line for people, and the same in JSON where BENCH_JSON names a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any


def tell(what: str, unit: str, measured: Mapping[str, Sequence[float]], wanted: str = "") -> dict[str, float]:
    """Prints the medians of what was measured in turns, and what the first is beside each of the others.

    + unit: of all figures; measured: figures by name, the first ours
    + wanted: what the first is wanted to be
    Returns the medians.
    """
    found = {name: median(values) for name, values in measured.items()}
    first, *others = found
    ratios = {name: found[first] / found[name] for name in others if found[name]}
    parts = [", ".join(f"{name} {value:.3g} {unit}" for name, value in found.items())]
    parts += [f"{ratio:.3g} times {name}" for name, ratio in ratios.items()]
    print(f"{what}: {'; '.join(parts)}{f' (wanted: {wanted})' if wanted else ''}", flush=True)
    noted({"what": what, "unit": unit, "medians": found, "ratios": ratios, "wanted": wanted, "all": measured})
    return found


def noted(line: Mapping[str, Any]) -> None:
    """Adds a line to the file that BENCH_JSON names, where it names one."""
    if place := os.environ.get("BENCH_JSON"):
        with Path(place).open("a") as file:
            file.write(json.dumps(line) + "\n")
