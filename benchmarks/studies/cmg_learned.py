"""CPO-MADDPG and its rivals as trained here, beside rules, the causal controller and certified bounds.

``python -m mecbench.benchmarks.studies.cmg_learned --checkpoints DIR --out STORE [--doc FILE]``, see
`mecbench.benchmarks.studies.learned`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mecbench.benchmarks.studies.cmg_claims import CLAIMS, figures
from mecbench.benchmarks.studies.learned import main
from mecbench.benchmarks.studies.study import Metric, Study, Suite
from mecbench.problems.errors import InputError
from mecbench.rl.cmg.hyperparameters import ABLATIONS

__all__ = ["STUDY", "suites_of"]

PLENTY = (
    "cmg-paper",
    *(f"cmg-n{devices}" for devices in (30, 40, 50)),
    *("cmg-moderate", "cmg-strong"),
    *(f"cmg-battery-{capacity}" for capacity in (9, 10, 11)),
    *("cmg-harvest-05", "cmg-harvest-15"),
)
SCARCE = ("cmg-scarce",)
DEVICES = {"cmg-n30": 30, "cmg-n40": 40, "cmg-n50": 50}


def suites_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Suites on which an agent is judged: those of its size, and of the paper's sweeps those that its actors serve.

    Raises
    ------
    InputError
        If no suite is of its size.
    """
    size, text = str(header.get("size")), header.get("hyperparameters", {}).get("interface") == "text"
    own = {
        "small": ("cmg-small", *PLENTY),
        "small-scarce": ("cmg-small-scarce", *SCARCE),
        "paper": PLENTY,
        "scarce": SCARCE,
    }
    if size not in own:
        raise InputError(f"checkpoint of {header['agent']}: expected size {', '.join(own)}, found {size}")
    if not text:
        return own[size]
    # An actor for each device serves as many devices as it was trained with.
    return own[size][:1] if size.startswith("small") else tuple(suite for suite in own[size] if suite not in DEVICES)


STUDY = Study(
    problem="cmg",
    suites={
        "cmg-small": Suite("Small: 5 devices, up to 10 slots", 10.0, of_the_paper=True),
        "cmg-small-scarce": Suite("Small and scarce: batteries a third full, harvests that fail", 10.0),
        "cmg-paper": Suite("The paper's size: 20 devices, 10 slots", 60.0, claims=figures("paper")),
        "cmg-n30": Suite("30 devices", 60.0, claims=figures("n30")),
        "cmg-n40": Suite("40 devices", 60.0, claims=figures("n40")),
        "cmg-n50": Suite("50 devices", 60.0, claims=figures("n50")),
        "cmg-moderate": Suite("A moderate eavesdropper", 60.0, claims=figures("moderate")),
        "cmg-strong": Suite("A strong eavesdropper", 60.0, claims=figures("strong")),
        "cmg-battery-9": Suite("Batteries of 9 J", 60.0),
        "cmg-battery-10": Suite("Batteries of 10 J", 60.0),
        "cmg-battery-11": Suite("Batteries of 11 J", 60.0),
        "cmg-harvest-05": Suite("Harvests of 5 % of the battery", 60.0),
        "cmg-harvest-15": Suite("Harvests of 15 % of the battery", 60.0),
        "cmg-scarce": Suite("Scarce: where planning matters", 60.0),
    },
    suites_of=suites_of,
    simple=("random", "local-myopic"),
    rules=("local-horizon", "turn", "greedy-horizon", "greedy-horizon:blind=1", "causal-resolve"),
    metrics={
        "reward": Metric("reward of a device and slot", 4, spread=True),
        "ecpr_percent": Metric("ECPR [%]", 3, spread=True),
        "sor_percent": Metric("SOR [%]", 1, spread=True),
        "offloads_per_channel": Metric("offloads of a channel", 2),
        "penalised_objective": Metric("penalised objective", 2),
    },
    claims=CLAIMS,
    sampled=False,
    strict=True,
    variants=dict.fromkeys(ABLATIONS, "paper"),
)

if __name__ == "__main__":
    main(STUDY)
