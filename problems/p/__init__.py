"""P: deploy models on edge servers, then associate, partition and allocate every request, at least cost and bounded delay.

Source: Wang et al., "Safe Multi-Agent Deep Reinforcement Learning for Privacy-Aware Edge-Device Collaborative DNN Inference" (HC-MAPPO-L).
"""

from mecbench.problems.evaluation import Sense
from mecbench.problems.p.certificate import Certificate, bound, regret
from mecbench.problems.p.describe import describe
from mecbench.problems.p.evaluate import evaluate
from mecbench.problems.p.generate import GENERATOR_VERSION, SIZES, Parameters, generate
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.solution import Solution
from mecbench.problems.p.task import Task

__all__ = [
    "GENERATOR_VERSION",
    "LIMITED",
    "NAME",
    "SENSE",
    "SIZES",
    "TITLE",
    "Certificate",
    "Instance",
    "Parameters",
    "Solution",
    "Task",
    "bound",
    "describe",
    "evaluate",
    "generate",
    "regret",
]

NAME = "p"
TITLE = "deployment, association, partition and allocation under a long-term delay limit (HC-MAPPO-L, eqs. 12 and 13)"
SENSE = Sense.MINIMISE
LIMITED = ("mean_delay_s", "delay_limit")  # C8
