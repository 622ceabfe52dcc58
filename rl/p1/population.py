"""The cross-entropy method over the weights of networks: a Gaussian with diagonal covariance, moved towards its elites (15)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

__all__ = ["Gaussian", "rank_weights"]


def rank_weights(number: int) -> np.ndarray:
    """lambda_i of (15) by rank, the best first: log(n + 1) - log(i), to the sum of 1; float64, shape [n]."""
    weights = np.log(number + 1.0) - np.log(np.arange(1.0, number + 1.0))
    normalised: np.ndarray = weights / weights.sum()
    return normalised


@dataclass
class Gaussian:
    """Distribution of the weights of individuals.

    The paper's covariance is full, which over 40 000 weights would have 1.7e9 entries; only its diagonal is kept.

    Attributes
    ----------
    mean, variance
        mu and the diagonal of Sigma, float32, shape [D].
    """

    mean: np.ndarray
    variance: np.ndarray

    def draw(self, random: RandomState, number: int) -> np.ndarray:
        """Individuals, float32, shape [k, D]."""
        noise = random.standard_normal((number, self.mean.size)).astype(np.float32)
        return self.mean + np.sqrt(self.variance) * noise

    def update(self, elites: np.ndarray, noise: float) -> None:
        """Move to the elites by (15); the deviation is from the mean as it was.

        Parameters
        ----------
        elites
            z_i, the best first, shape [n, D].
        noise
            epsilon, variance that is always left.
        """
        weights = rank_weights(len(elites)).astype(np.float32)
        self.variance = weights @ (elites - self.mean) ** 2 + np.float32(noise)
        self.mean = weights @ elites
