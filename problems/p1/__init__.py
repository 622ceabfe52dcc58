"""P1: route blocks of layers over devices and a server, with shares, subcarriers and deadlines, at least cost.

Source: Tan et al., "CERL: Evolutionary Reinforcement Learning for Partitioned Collaborative Inference on On-Device
Models", eqs. (1) to (10).
"""

from mecbench.problems.evaluation import Sense
from mecbench.problems.p1.certificate import Certificate, bound
from mecbench.problems.p1.describe import describe
from mecbench.problems.p1.evaluate import evaluate
from mecbench.problems.p1.generate import GENERATOR_VERSION, SIZES, Parameters, generate
from mecbench.problems.p1.instance import Instance
from mecbench.problems.p1.solution import Solution
from mecbench.problems.p1.task import Task

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

NAME = "p1"
TITLE = "partitioned inference over many nodes, with shares, subcarriers and deadlines (CERL, eqs. 6 to 10)"
SENSE = Sense.MINIMISE
