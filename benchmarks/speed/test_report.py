"""What a page of 10,000 runs costs, in seconds and in bytes beside the plotting library.

``pytest benchmarks/speed/test_report.py``
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from plotly.offline import get_plotlyjs

from mecbench.reports.page import render

ALGORITHMS, INSTANCES = 20, 500


def synthetic(algorithms: int = ALGORITHMS, instances: int = INSTANCES) -> pd.DataFrame:
    """Runs with traces, some of which fail."""
    random = np.random.Generator(np.random.PCG64(1))
    size = algorithms * instances
    algorithm, instance = np.tile(np.arange(algorithms), instances), np.repeat(np.arange(instances), algorithms)
    best = 100.0 + 0.37 * instance
    objective = best * (1.0 + random.lognormal(-5.0 + 0.2 * algorithm, 1.0))
    wall = random.lognormal(-2.0 - 0.1 * algorithm, 0.7)
    fate = random.random(size)
    crash, infeasible = fate < 0.001 * algorithm, fate > 1.0 - 0.002 * algorithm
    relative = np.where(infeasible, 0.1, 0.0)
    return pd.DataFrame(
        {
            "instance": [f"synthetic-small-{number:04d}" for number in instance],
            "instance_sha256": [f"{number:064x}" for number in instance],
            "problem": "synthetic",
            "suite": "synthetic",
            "algorithm": [f"synthetic/method-{number:02d}" for number in algorithm],
            "kind": np.array(["exact", "heuristic", "controller", "learned", "trivial"])[algorithm % 5],
            "sees": np.array(["clairvoyant", "central", "local"])[algorithm % 3],
            "seed": 0,
            "status": np.select([crash, infeasible], ["crash", "infeasible"], "ok"),
            "message": np.where(crash, "ended by signal 11", ""),
            "sense": "minimise",
            "objective": np.where(crash, np.nan, objective),
            "feasible": ~crash & ~infeasible,
            "bound": np.nan,
            "bound_kind": "none",
            "reference_bound": 0.999 * best,
            "best_objective": best,
            "violation": np.where(crash, np.nan, relative),
            "wall_seconds": wall,
            "cpu_seconds": wall,
            "peak_memory_mib": 60.0 + 20.0 * random.random(size),
            "time_limit": 10.0,
            "log_tail": np.where(crash, "Segmentation fault", ""),
            "violations": [{"capacity": value, "latency": 0.0} for value in relative],
            "trace": [
                [[0.2 * end, 1.2 * value], [0.7 * end, 1.05 * value], [end, value]] for end, value in zip(wall, objective, strict=True)
            ],
        }
    )


def test_page(benchmark: Any) -> None:
    """Scores, intervals, paired tests and the text of the page."""
    runs = synthetic()
    page = benchmark.pedantic(render, args=(runs,), rounds=5, warmup_rounds=1)
    beside = len(page.encode()) - len(get_plotlyjs().encode())
    benchmark.extra_info["bytes_beside_plotly"] = beside
    print(f"\n{len(runs)} runs: {benchmark.stats.stats.median:.2f} s (median of 5), {beside / 1e6:.2f} MB beside Plotly")
