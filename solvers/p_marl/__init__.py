"""Solvers of P-MARL: rules act through the task and know the present; the others work on an epoch or on the whole trace."""
