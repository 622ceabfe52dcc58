"""Solvers of P-EDGE."""
