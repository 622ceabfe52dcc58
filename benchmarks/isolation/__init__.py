"""Runs in killable processes of their own, with limits on time and memory that hold.

A warm process (`server`) has imported what algorithms need and forks once per run; the fork (`child`) solves and
sends what it finds through a pipe; the warm process watches it (`watch`) and kills it with all its descendants. The
harness holds warm processes in a pool (`pool`). Limits are promised on Linux; elsewhere descendants that leave their
parent are not found.
"""

__all__: list[str] = []
