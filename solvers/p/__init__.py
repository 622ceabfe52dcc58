"""Solvers of P."""
