"""A job in a process of its own, for tests to kill: ``python job.py FOLDER [LARGEST_FILE]`` with algorithms on stdin.

Prints a line per record and ends as the command line would.
"""

from __future__ import annotations

import json
import resource
import sys

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import Plan, RunSpec
from mecbench.benchmarks.store import Store
from mecbench.problems.errors import InputError


def main() -> int:
    """Do what is not done yet of the specs that standard input holds as JSON."""
    folder, *largest = sys.argv[1:]
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest[0]), int(largest[0])))
    specs = [RunSpec(**spec | {"requires": tuple(spec["requires"])}) for spec in json.load(sys.stdin)]
    try:
        with Store(folder) as store:
            finished = store.finished()
            todo = Plan(
                tuple(spec for spec in specs if spec.key not in finished), tuple(spec.key for spec in specs if spec.key in finished)
            )
            return harness.run(todo, store, jobs=2, progress=lambda record, done, total: print(done, total, flush=True)).exit_code
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
