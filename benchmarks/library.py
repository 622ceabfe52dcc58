"""Rebuild the library of instances: ``python -m mecbench.benchmarks.library p-edge --with p-edge/threshold``.

For maintainers, in an editable install: writes instances, schemas, locks and better best known values.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from typing import Any

from mecbench import problems
from mecbench.instances.best import Provenance
from mecbench.instances.build import Finding, build
from mecbench.problems.errors import InputError
from mecbench.solvers import resolve, solve

__all__ = ["main"]


def _finder(text: str, problem: str, time_limit: float) -> Any:
    algorithm = resolve(text, problem)

    def find(instance: Any) -> Finding:
        start = time.perf_counter()
        outcome = solve(instance, algorithm, time_limit=time_limit)
        seconds = round(time.perf_counter() - start, 6)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        provenance = Provenance(algorithm=algorithm.text, version=algorithm.version, date=today, seconds=seconds)
        return Finding(outcome.solution, outcome.certificate, provenance)

    return find


def main(arguments: list[str] | None = None) -> int:
    """Rebuild the library of one problem and name the files that changed; 2 if the input is bad."""
    parser = argparse.ArgumentParser(prog="python -m mecbench.benchmarks.library", description=main.__doc__)
    parser.add_argument("problem", choices=problems.names())
    parser.add_argument("--with", dest="algorithm", help="algorithm that finds solutions and certificates")
    parser.add_argument("--time-limit", type=float, default=60.0, help="its limit per instance [s]")
    chosen = parser.parse_args(arguments)
    try:
        finder = _finder(chosen.algorithm, chosen.problem, chosen.time_limit) if chosen.algorithm else None
        for path in build(chosen.problem, finder):
            print(path)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
