"""Small instances of P-MARL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mecbench.problems.p_marl import Instance, Parameters, generate


def draw_small(seed: int, devices: int, edges: int, epochs: int = 1, **overrides: object) -> Instance:
    """An instance of the generator at the paper's density, of so few multiprocessors that they are scarce unless told otherwise."""
    scarce = {"edge_multiprocessors": 2 * devices, "edge_work": 180.0 * 2 * devices / 256}
    data = {"population": devices, "edges": edges, "epochs": epochs, "area": 2.5 * edges / 11} | scarce | overrides
    return generate(Parameters.model_validate(data), seed)


@pytest.fixture(scope="session")
def small() -> Callable[..., Instance]:
    """The function that draws a small instance."""
    return draw_small
