"""P-MARL: many devices choose among many edges and share them max-min fairly while they move; P-ORIG is one epoch of it.

Source: Zhou and Zhang, "Fairness-Oracular MARL with Competitor-Aware Signals for Collaborative Inference" (FOCI), eqs. (2), (3) and (5).
"""

from mecbench.problems.evaluation import Sense
from mecbench.problems.p_marl.certificate import Certificate, bound
from mecbench.problems.p_marl.describe import describe
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import GENERATOR_VERSION, SIZES, Parameters, generate
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.solution import Solution
from mecbench.problems.p_marl.task import Task

__all__ = [
    "GENERATOR_VERSION",
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
]

NAME = "p-marl"
TITLE = "max-min fair choice of edge, cut and multiprocessors by devices that move (FOCI, eqs. 2 and 3)"
SENSE = Sense.MINIMISE
