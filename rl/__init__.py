"""Everything learned: training, checkpoints, policies; one file per family of agents.

A module's ``algorithms`` are found like those of solvers. PyTorch and Stable-Baselines3 are needed to train, never to
run a trained policy, so modules import them inside functions.
"""

__all__: list[str] = []
