"""Draw the instances whose optima or bounds are known, once: ``python draw_regression.py`` writes them into ``data``.

They come from `numpy.random.default_rng`, as the values were measured on such draws. Its streams may change between
releases of NumPy, so the files are kept and this script is the record of how they were made (NumPy 2.4).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mecbench.problems.draws import quantise
from mecbench.problems.p1.generate import Parameters, World, assemble, connected

DATA = Path(__file__).parent / "data"
SIZES = (10, 30, 50)
GIVEN = (  # profile, N, Q, S, K, A, seed
    ("mains", 2, 3, 2, 3, 1, 1),
    ("mains", 2, 4, 2, 2, 1, 5),
    ("mains", 3, 5, 2, 2, 1, 6),
    ("literal", 3, 4, 2, 2, 1, 7),
    ("mains", 2, 2, 2, 2, 1, 5),
    ("mains", 2, 3, 2, 2, 1, 1),
    ("mains", 2, 4, 1, 3, 1, 2),
    ("mains", 3, 5, 2, 3, 1, 3),
    ("mains", 5, 8, 4, 3, 2, 4),
    ("mains", 5, 12, 4, 3, 2, 4),
    ("mains", 5, 9, 4, 3, 2, 7),
    ("mains", 7, 14, 20, 3, 3, 4),
)


def draw(parameters: Parameters, tasks: int | None, window: int, subcarriers: int, devices: int, seed: int):
    """One instance by the rules of the measurements."""
    random = np.random.default_rng([seed, devices])
    position = random.uniform(0, 200, (devices, 2))
    while not connected(parameters, position):
        position = random.uniform(0, 200, (devices, 2))
    frequency = random.uniform(1e8, 1e9, devices)
    slots = parameters.arrival_slots
    availability = random.integers(10, 101, (devices + 1, slots + window - 1))[1:]
    if tasks is None:
        drawn = [(a, n) for a in range(slots) for n in range(1, devices + 1) for _ in range(random.poisson(0.6))]
        release, source = np.array(drawn).T
    else:
        source, release = np.array([(random.integers(1, devices + 1), random.integers(0, slots)) for _ in range(tasks)]).T
    return assemble(parameters, World(window, subcarriers, quantise(position), quantise(frequency), availability, source, release))


def write(name: str, instance) -> None:
    """Write an instance's data."""
    (DATA / f"{name}.json").write_text(json.dumps(instance.model_dump(mode="json"), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for devices in SIZES:
        for seed in range(5):
            write(f"n{devices}-{seed}", draw(Parameters(), None, 3, 20, devices, seed))
    for profile, devices, tasks, subcarriers, window, slots, seed in GIVEN:
        parameters = Parameters(profile=profile, tasks=tasks, arrival_slots=slots)
        instance = draw(parameters, tasks, window, subcarriers, devices, seed)
        write(f"{profile}-n{devices}-q{tasks}-s{subcarriers}-k{window}-{seed}", instance)
