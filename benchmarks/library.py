"""Rebuild the library of instances: ``python -m mecbench.benchmarks.library p-edge --with p-edge/threshold``.

For maintainers, in an editable install: writes instances, schemas, locks and better best known values. Where these take
long, ``mecbench run`` finds them and ``--from`` keeps what its stores hold.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from pathlib import Path
from typing import Any

from mecbench import problems
from mecbench.benchmarks.store import Store
from mecbench.instances.best import Provenance, save_best_known
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


def _keep(problem: str, folder: Path) -> list[Path]:
    """Keep the feasible solutions and the certificates of a store's runs where they are better."""
    package, changed = problems.load(problem), []
    with Store(folder, create=False) as store:
        instances = dict(store.instances())
        for record in store.records():
            if record.problem != problem or record.status == "wrong-claim" or not record.version.isdecimal():
                continue
            solution = package.Solution.model_validate(record.solution) if record.feasible else None
            certified = record.certificate is not None and record.bound_kind == "certified"
            certificate = package.Certificate.model_validate(record.certificate) if certified else None
            provenance = Provenance(
                algorithm=record.algorithm, version=int(record.version), date=record.timestamp[:10], seconds=round(record.wall_seconds, 6)
            )
            path = save_best_known(instances[record.instance_sha256], record.instance, solution, certificate, provenance)
            changed += [] if path is None else [path]
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Rebuild the library of one problem and name the files that changed; 2 if the input is bad."""
    parser = argparse.ArgumentParser(prog="python -m mecbench.benchmarks.library", description=main.__doc__)
    parser.add_argument("problem", choices=problems.names())
    parser.add_argument("--with", dest="algorithm", help="algorithm that finds solutions and certificates")
    parser.add_argument("--time-limit", type=float, default=60.0, help="its limit per instance [s]")
    parser.add_argument("--from", dest="folders", type=Path, nargs="*", default=[], help="folders of `mecbench run` whose values are kept")
    chosen = parser.parse_args(arguments)
    try:
        for folder in chosen.folders:
            for path in _keep(chosen.problem, folder):
                print(path)
        finder = _finder(chosen.algorithm, chosen.problem, chosen.time_limit) if chosen.algorithm else None
        for path in build(chosen.problem, finder):
            print(path)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
