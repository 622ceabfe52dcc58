"""Plans, isolates, runs and stores benchmarks, and what a user types to do so."""
