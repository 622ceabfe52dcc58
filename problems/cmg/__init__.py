"""CMG: film chunks of video, then compute them on harvested energy or offload them past an eavesdropper, for most quality at least cost.

Source: Chen et al., "CPO-MADDPG", Computer Networks 280 (2026) 112164, eqs. (2) to (31).
"""

from mecbench.problems.cmg.certificate import Certificate, bound
from mecbench.problems.cmg.describe import describe
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.generate import GENERATOR_VERSION, SIZES, Parameters, generate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.cmg.task import Task
from mecbench.problems.evaluation import Sense

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

NAME = "cmg"
TITLE = "secure video offloading on harvested energy (CPO-MADDPG, eqs. 14 to 31)"
SENSE = Sense.MAXIMISE
