"""Scores, leaderboards and pages from plain data frames of runs; imports nothing of ours."""
