"""Tables of the paper's claims beside ours."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from mecbench.benchmarks.studies.claims import Change
from mecbench.benchmarks.studies.p_learned import STUDY
from mecbench.benchmarks.studies.verdicts import beside_the_paper


def test_the_papers_figures_stand_beside_ours(runs: pd.DataFrame) -> None:
    """Judged by how agents were trained; agents that were not run say so, and no rule is taken for one."""
    assert STUDY.claims is not None
    tables = beside_the_paper(STUDY, STUDY.claims, runs)
    assert list(tables) == ["paper-50, paper"]
    lines = tables["paper-50, paper"].splitlines()
    delay = next(line for line in lines if line.startswith("| hc-mappo-l | delay [s] | 2.74"))
    gap = f"{100 * (1 - 45.0 / 132.0 - 45.0 / 133.0):.2f} %"  # interquartile, of 130 to 135
    assert delay.endswith(f"| within the limit | 2.70 | 2.70 to 2.70 | {gap} | **reproduced** |")
    assert any(line.startswith("| h-ippo | delay [s] | 4.76") and line.endswith("**not run** |") for line in lines)
    assert any(line.startswith("| hc-mappo-l | cost | 131.35 | least of the agents | 132.5") for line in lines)
    assert any(line.startswith("| hc-mappo-l | greedy | cost | -49.00") and line.endswith("**reproduced** |") for line in lines)
    assert any(line.startswith("| h-mappo | h-ippo | delay [s] | - | - | ") and line.endswith("| - | **not run** |") for line in lines)


def test_an_ablation_stands_beside_what_it_departs_from(runs: pd.DataFrame) -> None:
    """It is a preset of the same agent: claims tell the two apart by its name, and a study without such claims has no table of them."""
    assert STUDY.claims is not None
    ablated = runs.assign(agent=runs["agent"].str.replace("h-mappo [paper-50, paper]", "hc-mappo-l [paper-50, free]"))
    claims = replace(STUDY.claims, figures=(), orderings=(), changes=(Change("hc-mappo-l", "hc-mappo-l free", "mean_delay_s", -0.5),))
    tables = beside_the_paper(replace(STUDY, variants={"free": "paper"}), claims, ablated)
    assert list(tables) == ["paper-50, paper"]
    (line,) = tables["paper-50, paper"].splitlines()[2:]
    assert line.startswith("| hc-mappo-l | hc-mappo-l free | delay [s] | -50.0 % | -38.6 % | ")
    assert line.endswith("| **direction only** |")
