"""Whether what CERL's individuals are judged by says what they earn: rank correlations over the population, from learning curves.

``python -m mecbench.benchmarks.studies.p1_fitness --checkpoints DIR [--doc FILE] [--picture FILE]`` prints a table in Markdown of every
finished training of CERL below DIR, as ``mecbench train`` leaves it, or writes it between the marks of a document, and draws the curves.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mecbench.benchmarks.studies.learned import fill, find

__all__ = ["Correlations", "correlations", "main", "picture", "table"]

AGENT = "p1/cerl"
MARK = "fitness"
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 56, 16, 170, 44  # of the picture and its margins [px]
COLOURS = ("#1b6ca8", "#c8553d", "#4f7942", "#7d5ba6", "#b8860b", "#3c3c3c")
WORDS = {"error": "minus the temporal-difference error (14)", "return": "mean return on training instances"}


@dataclass(frozen=True)
class Correlations:
    """Of one training run.

    Attributes
    ----------
    name
        Size, preset and seed in words.
    fitness
        What individuals are judged by, in words.
    transitions, values
        Points of the curve that have one, and Spearman's correlation of fitness and return on validation instances there.
    """

    name: str
    fitness: str
    transitions: tuple[float, ...]
    values: tuple[float, ...]


def correlations(headers: Sequence[Mapping[str, Any]]) -> list[Correlations]:
    """Those of the runs of CERL among finished trainings, by their headers; runs without a point that has one are left out."""
    found = []
    for header in headers:
        if header["agent"] != AGENT:
            continue
        curve = header["curve"]
        points = [pair for pair in zip(curve["transitions"], curve["fitness_correlation"], strict=True) if pair[1] is not None]
        if points:
            name = f"{header['size']}, {header['preset']}, seed {header['seed']}"
            found.append(Correlations(name, WORDS[header["hyperparameters"]["fitness"]], *map(tuple, zip(*points, strict=True))))
    return found


def table(found: Sequence[Correlations]) -> str:
    """Table in Markdown, a row per run."""
    lines = ["| run | judged by | points | median | least | most |", "|---|---|---|---|---|---|"]
    for one in found:
        middle, least, most = (f"{function(one.values):+.2f}" for function in (np.median, np.min, np.max))
        lines.append(f"| {one.name} | {one.fitness} | {len(one.values)} | {middle} | {least} | {most} |")
    return "\n".join(lines)


def picture(found: Sequence[Correlations]) -> str:
    """The curves over the part of training that is done, as an SVG."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(part: float) -> float:
        return LEFT + part * (right - LEFT)

    def down(value: float) -> float:
        return TOP + (1.0 - value) / 2.0 * (bottom - TOP)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for value in (-1.0, -0.5, 0.0, 0.5, 1.0):
        dark = "#888" if value == 0 else "#ddd"
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{down(value):.1f}" y2="{down(value):.1f}" stroke="{dark}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{down(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for part in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{across(part):.1f}" y="{bottom + 18}" text-anchor="middle">{part:.0%}</text>')
    parts.append(f'<text x="{across(0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">of the training</text>')
    middle = (TOP + bottom) / 2
    parts.append(f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">Spearman, fitness and return</text>')
    for turn, one in enumerate(found):
        colour, end = COLOURS[turn % len(COLOURS)], max(one.transitions)
        dots = [(across(done / end), down(value)) for done, value in zip(one.transitions, one.values, strict=True)]
        parts.append(f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in dots)}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in dots]
        parts.append(f'<text x="{right + 12}" y="{TOP + 12 + 18 * turn}" fill="{colour}">{one.name}</text>')
    return "\n".join((*parts, "</svg>\n"))


def main() -> None:
    """Print or write table and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True, help="folders below which trained agents are")
    parser.add_argument("--doc", type=Path, help="document whose table is written")
    parser.add_argument("--picture", type=Path, help="SVG that is written")
    arguments = parser.parse_args()
    found = correlations([one.header for one in find(arguments.checkpoints, "p1")])
    if arguments.picture:
        arguments.picture.write_text(picture(found))
    if arguments.doc:
        arguments.doc.write_text(fill(arguments.doc.read_text(), {MARK: table(found)}))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
