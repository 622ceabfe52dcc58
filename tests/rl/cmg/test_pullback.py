"""Gradients of actors by hand: those of automatic differentiation, for several quantities at once."""

from __future__ import annotations

import pytest

from mecbench.rl.cmg.hyperparameters import CONSTRAINT_AWARE, OffPolicy
from mecbench.rl.cmg.networks import actor, network
from mecbench.rl.cmg.pullback import passing


@pytest.mark.parametrize("chosen", [CONSTRAINT_AWARE, OffPolicy(width=16)], ids=["text", "priced"])
def test_gradients_are_those_of_automatic_differentiation(chosen, torch):
    """What is said and both channels' gradients agree after the weights have moved and for batches of another size, one slope or two."""
    made = network(chosen, 3, 2)
    generator = torch.Generator().manual_seed(0)
    trained = actor(made, generator)
    passes, parameters = passing(trained, 2), list(trained.parameters())
    rows = (2,) if made.interface.by_chunk else ()
    for batch, channels in ((5, 2), (7, 2), (7, 1)):
        seen = torch.rand((batch, 3, *rows, made.interface.features), generator=generator)
        slopes = torch.randn((channels, batch, 3, made.interface.actions), generator=generator)
        said = trained(seen)
        expected = [torch.autograd.grad(said, parameters, slope, retain_graph=True) for slope in slopes]
        found_said = passes.forward(seen)
        assert not found_said.requires_grad
        torch.testing.assert_close(found_said, said.detach(), rtol=1e-5, atol=1e-6)
        for ours, theirs in zip(passes.backward(list(slopes)), expected, strict=True):
            for part, other in zip(ours, theirs, strict=True):
                torch.testing.assert_close(part, other, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            for parameter in parameters:
                parameter.add_(0.1)
