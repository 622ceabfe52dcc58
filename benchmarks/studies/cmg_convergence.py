"""How fast CPO-MADDPG and its rivals learn on CMG, and how they spend energy meanwhile, by their learning curves.

``python -m mecbench.benchmarks.studies.cmg_convergence --checkpoints DIR [--doc FILE]`` prints tables in Markdown of every finished
training below DIR, as ``mecbench train`` leaves it, or writes them between the marks of a document.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mecbench.benchmarks.studies.claims import Change, Claims, Measured, Verdict, measure
from mecbench.benchmarks.studies.cmg_claims import CLAIMS
from mecbench.benchmarks.studies.learned import fill, find

__all__ = ["FASTER", "Curve", "comparison", "curves", "main", "table", "transitions_to"]

NEAR = 0.95  # part of the way from the first point to the best one
FASTER = tuple(Change("cpo-maddpg", rival, "transitions", -0.085) for rival in ("maddpg", "matd3", "mappo"))
"""The conclusion's "8.5 % faster convergence" over the rivals that it names; the paper does not say when an agent has converged."""


@dataclass(frozen=True)
class Curve:
    """What a training run came to.

    Attributes
    ----------
    transitions
        After which it was near its best.
    first, best, last
        Mean reward of a device and slot on the validation split, less what exceeds the energy limit, at the first, best and last point.
    energy
        Mean energy of a device and slot at the last point [J].
    multiplier
        lambda at the last point, its largest value on the way, both nan without one.
    """

    transitions: float
    first: float
    best: float
    last: float
    energy: float
    multiplier: tuple[float, float]


def transitions_to(near: float, transitions: Sequence[float], score: Sequence[float]) -> float:
    """Transitions at the first point that is a part `near` of the way from the first point to the best, or nearer; less is better."""
    values = np.asarray(score, dtype=float)
    reached = values <= values[0] + near * (values.min() - values[0])
    return float(np.asarray(transitions, dtype=float)[reached.argmax()])


def curves(headers: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, list[Curve]]]:
    """Curves of training runs by size and preset, then by agent; an ablation stands beside the preset that it departs from."""
    found: dict[tuple[str, str], dict[str, list[Curve]]] = defaultdict(lambda: defaultdict(list))
    for header in headers:
        curve, name = header["curve"], str(header["agent"]).removeprefix("cmg/")
        preset = "paper" if header["hyperparameters"]["interface"] == "text" else str(header["preset"])
        if preset != header["preset"]:
            name = f"{name} {header['preset']}"
        score, price = curve["validation_score"], [math.nan if value is None else value for value in curve["multiplier"]]
        found[str(header["size"]), preset][name].append(
            Curve(
                transitions_to(NEAR, curve["transitions"], score),
                *(-score[0], -min(score), -score[-1]),
                energy=curve["validation_cost"][-1],
                multiplier=(price[-1], max(price)),
            )
        )
    return found


def table(runs: Mapping[str, Sequence[Curve]]) -> str:
    """A row per agent, means over its training seeds, the best first."""
    headings = "| | seeds | transitions | first | best | last | energy at the end [J] | lambda at the end, at most |"
    lines = [headings, f"|{'---|' * (headings.count('|') - 1)}"]
    for name, of in sorted(runs.items(), key=lambda item: -float(np.mean([curve.best for curve in item[1]]))):
        cells = [str(len(of)), f"{np.mean([curve.transitions for curve in of]):,.0f}"]
        cells += [f"{np.mean([getattr(curve, point) for curve in of]):.3f}" for point in ("first", "best", "last", "energy")]
        prices = np.mean([curve.multiplier for curve in of], axis=0)
        cells.append("" if np.isnan(prices).any() else ", ".join(f"{price:.3f}" for price in prices))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def comparison(runs: Mapping[str, Sequence[Curve]]) -> list[tuple[Change, Verdict, Measured | None]]:
    """Judge what the paper says of speed, by rival."""
    rules = Claims(agents=CLAIMS.agents, figures=(), orderings=())
    found = {name: measure(np.array([[curve.transitions] for curve in of])) for name, of in runs.items()}
    return [(change, *rules.judge_change(change, found)) for change in FASTER]


def main() -> None:
    """Print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True, help="folders below which trained agents are")
    parser.add_argument("--doc", type=Path, help="document whose tables are written")
    arguments = parser.parse_args()
    tables = {}
    for (size, preset), runs in sorted(curves([one.header for one in find(arguments.checkpoints, "cmg")]).items()):
        lines = ["| CPO-MADDPG beside | paper | ours | 95 % | verdict |", "|---|---|---|---|---|"]
        for change, verdict, ours in comparison(runs):
            if ours is not None:
                cells = [f"{100 * change.share:+.1f} %", f"{100 * ours.mean:+.1f} %", f"{100 * ours.low:+.1f} to {100 * ours.high:+.1f} %"]
                lines.append(f"| {change.rival} | {' | '.join(cells)} | **{verdict}** |")
        tables[f"convergence {size} {preset}"] = "\n\n".join([table(runs), *(["\n".join(lines)] if len(lines) > 2 else [])])
    if arguments.doc is None:
        for name, text in tables.items():
            print(f"### {name}\n\n{text}\n")
    else:
        text = arguments.doc.read_text(encoding="utf-8")
        arguments.doc.write_text(fill(text, {name: told for name, told in tables.items() if f"<!-- {name} -->" in text}), encoding="utf-8")


if __name__ == "__main__":
    main()
