"""How long whole models of CMG under SCIP take to their gap, and how long certified bounds and plans take to the same.

``python -m mecbench.benchmarks.studies.cmg_monoliths --out DIR`` runs what DIR does not hold yet and prints a table in
Markdown. Each run has a process of its own under the harness's limits and one thread. Times are processor time: what was on the
clock, times the part of it that a processor worked for the run, so that a busy machine weighs on neither side.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mecbench.benchmarks.studies.monoliths import compare, markdown, run
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve

__all__ = ["INSTANCES", "MODELS", "OURS", "main"]

TINY, LARGER = 1e-4, 1e-3
INSTANCES = {  # with the gap that is asked of all
    **{f"cmg-tiny-{number}": TINY for number in ("0003", "0007", "0008", "0018", "0021", "0000", "0002", "0001")},
    **dict.fromkeys(("cmg-small-0000", "cmg-small-0009", "cmg-small-scarce-0000"), LARGER),
    "cmg-paper-0000": LARGER,
}
OURS = "cmg/auto"
MODELS = ("cmg/scip-cuts", "cmg/scip-textbook")
OURS_LIMIT = 10.0  # seconds


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--instances", nargs="+", default=list(INSTANCES), choices=list(INSTANCES), metavar="INSTANCE")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds per model, on the clock")
    parser.add_argument("--held", action="store_true", help="run no model: compare those that the folder holds")
    arguments = parser.parse_args()
    stored = [library.load(name) for name in arguments.instances]
    models = {} if arguments.held else dict.fromkeys(arguments.models, arguments.time_limit)
    records = run(arguments.out, stored, {OURS: OURS_LIMIT} | models)
    comparisons = [
        compare(records[one.name, resolve(name).text], records[one.name, OURS], INSTANCES[one.name])
        for one in stored
        for name in arguments.models
        if (one.name, resolve(name).text) in records
    ]
    ours = {one.name: records[one.name, OURS] for one in stored}
    print(markdown(comparisons, ours, {one.name: one.instance.gain.shape for one in stored}, "N, T, K"))


if __name__ == "__main__":
    main()
