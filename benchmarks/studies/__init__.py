"""Measurements that answer one question each; ``python -m mecbench.benchmarks.studies.NAME`` prints the table."""

__all__: list[str] = []
