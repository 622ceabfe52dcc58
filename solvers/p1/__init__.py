"""Solvers of P1: heuristics act through the task and know no coming tasks; searches, bounds and monoliths see the whole trace."""
