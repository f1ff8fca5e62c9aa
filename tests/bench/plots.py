"""Draws how what a run takes grows, as ``growth`` measured it.

Usage: python -m tests.bench.plots BENCH_JSON PICTURE. A line a measurement, both scales logarithmic: what is parallel to
the dotted line grows as its size does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
# So that the same figures make the same bytes.
matplotlib.rcParams["svg.hashsalt"] = "pgmigrate"

from matplotlib import pyplot  # noqa: E402  (after what it is to draw with)


def growths(file: Path) -> list[dict[str, Any]]:
    """Returns the last line of each measurement of growth, in order."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return list({line["what"]: line for line in lines if "growth" in line}.values())


def draw(found: list[dict[str, Any]], picture: Path) -> None:
    """Writes the picture."""
    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    sizes, seconds = set(), set()
    for line in found:
        points = {int(size): one for size, one in line["growth"].items()}
        sizes |= set(points)
        seconds |= set(points.values())
        axes.plot(list(points), list(points.values()), marker="o", label=line["what"])
    ends = min(sizes), max(sizes)
    axes.plot(ends, [min(seconds), min(seconds) * ends[1] / ends[0]], ":", color="grey", label="as the size")
    axes.set(xscale="log", yscale="log", xlabel="how many", ylabel="seconds", ylim=(min(seconds) / 2, max(seconds) * 2))
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    draw(growths(Path(sys.argv[1])), Path(sys.argv[2]))
