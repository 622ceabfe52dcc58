"""Find the packages, so that a new problem is a new folder and no edit elsewhere; all else is in pyproject.toml."""

from setuptools import find_packages, setup

FLOORS = ("problems", "instances", "solvers", "rl", "reports", "benchmarks")

setup(packages=[f"mecbench.{name}" for name in find_packages(include=[pattern for floor in FLOORS for pattern in (floor, f"{floor}.*")])])
