"""P-EDGE: share the streaming multiprocessors of one edge max-min fairly among the devices attached to it.

Source: Zhou and Zhang, "Fairness-Oracular MARL with Competitor-Aware Signals for Collaborative Inference" (FOCI), eq. (4).
"""

from mecbench.problems.evaluation import Sense
from mecbench.problems.p_edge.certificate import Certificate, bound
from mecbench.problems.p_edge.describe import describe
from mecbench.problems.p_edge.evaluate import evaluate
from mecbench.problems.p_edge.generate import GENERATOR_VERSION, SIZES, Parameters, generate
from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.solution import Solution
from mecbench.problems.p_edge.task import Task

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

NAME = "p-edge"
TITLE = "max-min fair split of one edge's streaming multiprocessors (FOCI, eq. 4)"
SENSE = Sense.MINIMISE
