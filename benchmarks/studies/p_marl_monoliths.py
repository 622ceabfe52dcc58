"""How long the monoliths of P-ORIG take to their gap, and how long bisection takes to the same.

``python -m mecbench.benchmarks.studies.p_marl_monoliths --out DIR`` runs what DIR does not hold yet and prints a table in
Markdown. Each run has a process of its own under the harness's limits and one thread.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mecbench.benchmarks.studies.monoliths import CLOSED, compare, markdown, run
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve

__all__ = ["INSTANCES", "MONOLITHS", "OURS", "main"]

INSTANCES = {  # with the gap that is asked of all
    "p-marl-orig-tiny-0022": CLOSED,
    "p-marl-orig-20x3-0000": CLOSED,
    "p-marl-orig-60x5-0002": 1e-3,
    "p-marl-orig-120x8-0000": 1e-3,
    "p-marl-orig-240x11-0000": 2e-3,
}
OURS = "p-marl/bisection"
OURS_LIMIT = 60.0  # seconds
MONOLITHS = tuple(f"p-marl/monolith-{solver}:gap={CLOSED}" for solver in ("highs", "cp-sat", "scip"))


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--instances", nargs="+", default=list(INSTANCES), choices=list(INSTANCES), metavar="INSTANCE")
    parser.add_argument("--monoliths", nargs="+", default=MONOLITHS)
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per monolith, on the clock")
    parser.add_argument("--held", action="store_true", help="run no monolith: compare those that the folder holds")
    arguments = parser.parse_args()
    stored = [library.load(name) for name in arguments.instances]
    monoliths = {} if arguments.held else dict.fromkeys(arguments.monoliths, arguments.time_limit)
    records = run(arguments.out, stored, {OURS: OURS_LIMIT} | monoliths)
    comparisons = [
        compare(records[one.name, resolve(name).text], records[one.name, OURS], INSTANCES[one.name])
        for one in stored
        for name in arguments.monoliths
        if (one.name, resolve(name).text) in records
    ]
    ours = {one.name: records[one.name, OURS] for one in stored}
    print(markdown(comparisons, ours, {one.name: (one.instance.devices, one.instance.edges) for one in stored}, "M, N"))


if __name__ == "__main__":
    main()
