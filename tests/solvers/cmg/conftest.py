"""Random instances of CMG in which everything binds."""

from __future__ import annotations

import pytest

from mecbench.problems.cmg import SIZES, Instance, Parameters, generate


def draw_instance(seed: int, size: str = "tiny", **changes: object) -> Instance:
    """An instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


@pytest.fixture(scope="session")
def draw():
    """The function that draws an instance."""
    return draw_instance
