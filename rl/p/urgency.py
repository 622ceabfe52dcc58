"""How much a second of delay counts in an episode that has used up more, or less, of its limit than its slots.

C8 limits the average delay of every instance, while one multiplier for all holds it at best on average over them. What an
episode has left of its limit for each slot to come tells how its own price of delay should differ. Not in the paper.
"""

from __future__ import annotations

import numpy as np

from mecbench.problems.task import Observation

__all__ = ["MOST", "urgency"]

MOST = 10.0
"""Largest urgency, and the inverse of the least."""


def urgency(observation: Observation, limit: np.ndarray, exponent: float) -> np.ndarray:
    """Factor of the multiplier in each episode, shape [B], from what all users see: the time that is over and the delay so far.

    Parameters
    ----------
    observation
        Of the task, extended.
    limit
        Of the average delay [s], shape [B].
    exponent
        e >= 0. With a share s of the slots over at an average delay of x limits, (1 - s x) / (1 - s) limits are left for each slot to
        come, and the factor is that to the power of -e: 1 at first, and at e = 0.
    """
    over, late = observation["shared"][:, -2], observation["shared"][:, -1] / limit
    left = (1.0 - over * late) / np.maximum(1.0 - over, 1e-9)
    factor: np.ndarray = np.clip(np.maximum(left, 1e-9) ** -exponent, 1.0 / MOST, MOST)
    return factor
