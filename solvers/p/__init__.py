"""Solvers of P: heuristics and controllers act through the task and know no future; searches, bounds and monoliths see the whole trace."""
