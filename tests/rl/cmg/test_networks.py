"""Networks of the family: NumPy runs what PyTorch trains, devices decide apart, and critics have the parts that tell them apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.rl.cmg.hyperparameters import CONSTRAINT_AWARE, OffPolicy
from mecbench.rl.cmg.networks import actor, central_value, critic, network

CHOSEN = {"priced": OffPolicy(width=16), "text": CONSTRAINT_AWARE}


def look(made, count=6, seed=0):
    """What devices may see: the first feature says that all are there."""
    rows = (3,) if made.interface.by_chunk else ()
    seen = np.random.default_rng(seed).random((count, made.devices, *rows, made.interface.features)).astype(np.float32)
    seen[..., 0] = 1.0
    return seen


@pytest.fixture(params=CHOSEN)
def made(request):
    """Network of four devices."""
    return network(CHOSEN[request.param], 4, 3)


@pytest.fixture
def judge(torch):
    """The function that makes a critic of a network."""

    def make(made, heads="two-headed", channels=2, twins=1):
        chosen = CHOSEN["priced" if made.interface.by_chunk else "text"]
        return critic(made, chosen, heads, channels, twins, torch.Generator().manual_seed(0))

    return make


def test_numpy_says_what_pytorch_says(made, arrays, torch):
    """What is trained is what is run, to 1e-5."""
    weights, seen = arrays(made.shapes()), look(made)
    ours = made.say(np, weights, seen)
    theirs = made.say(torch, {name: torch.from_numpy(array) for name, array in weights.items()}, torch.from_numpy(seen))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
    assert ours.shape == (6, 4, made.interface.actions)


def test_a_device_decides_on_its_own_row(made, arrays):
    """The factored actor: what device 2 says is the same whatever the others see, and changes with what it sees itself."""
    weights, seen, other = arrays(made.shapes()), look(made), look(made, seed=1)
    mixed = other.copy()
    mixed[:, 2] = seen[:, 2]
    ours, theirs = made.say(np, weights, seen), made.say(np, weights, mixed)
    np.testing.assert_array_equal(ours[:, 2], theirs[:, 2])
    assert (ours[:, [0, 1, 3]] != theirs[:, [0, 1, 3]]).any()


def test_gradients_stay_with_their_device(torch):
    """In the text's actor nothing that device 0 says moves another's weights: each has a network of its own."""
    made = network(CHOSEN["text"], 4, 3)
    fresh = actor(made, torch.Generator().manual_seed(0))
    fresh(torch.from_numpy(look(made)))[:, 0].sum().backward()
    for weight in fresh.weights.values():
        assert weight.grad[0].abs().sum() > 0.0
        assert not weight.grad[1:].any()


def test_the_text_has_the_papers_layers(judge, torch):
    """256, 128 and 64 units in actors and trunk, heads of 64 units and a linear output (section 5.1)."""
    made = network(CHOSEN["text"], 4, 3)
    assert {name: shape for name, shape in made.shapes().items() if "weight" in name} == {
        "weight_0": (4, 10, 256),
        "weight_1": (4, 256, 128),
        "weight_2": (4, 128, 64),
        "weight_3": (4, 64, 15),
    }
    shapes = [tuple(layer.weight.shape) for layer in judge(made).modules() if isinstance(layer, torch.nn.Linear)]
    assert shapes == [(256, 4 * (10 + 15)), (128, 256), (64, 128), (64, 64), (1, 64), (64, 64), (1, 64)]


@pytest.mark.parametrize("kind", CHOSEN)
def test_what_tells_critics_apart(kind, judge, torch):
    """Two heads share a trunk and nothing above, separate critics share nothing, and outputs of one layer share all but their rows."""
    made = network(CHOSEN[kind], 4, 3)
    seen = torch.from_numpy(look(made))
    said = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (6, 4, made.interface.actions)).astype(np.float32))
    shared = {}
    for heads in ("two-headed", "separate", "multi-output"):
        fresh = judge(made, heads)
        found = fresh(seen, said)
        assert found.shape == (1, 6, 4 if kind == "priced" else 1, 2)
        touched = []
        for channel in range(2):
            parts = torch.autograd.grad(found[..., channel].sum(), list(fresh.parameters()), allow_unused=True, retain_graph=True)
            touched.append({place for place, part in enumerate(parts) if part is not None and part.any()})
        shared[heads] = len(touched[0] & touched[1]), len(touched[0] ^ touched[1])
    assert shared["separate"][0] == 0
    assert shared["two-headed"][0] > 0
    assert shared["two-headed"][1] == 8  # two layers of two tensors in each head
    assert shared["multi-output"][1] == 0


def test_twins_are_two(judge, torch):
    """Each of MATD3's critics has weights and an opinion of its own."""
    made = network(CHOSEN["text"], 4, 3)
    found = judge(made, channels=1, twins=2)(torch.from_numpy(look(made)), torch.zeros(6, 4, 15))
    assert found.shape == (2, 6, 1, 1)
    assert (found[0] != found[1]).all()


def test_a_request_is_worth_the_difference(judge, torch):
    """The slope along a device's own request is what asking adds to its chunk, and who does not ask is not met by others."""
    made = network(CHOSEN["priced"], 4, 3)
    fresh = judge(made)
    trunk, seen = fresh.judges[0].trunk, torch.from_numpy(look(made))
    said = torch.rand(6, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    said[..., 0] = -1.0
    quiet = trunk(seen, said.flatten(2))
    said[:, 1:, :, 1:] = 0.9  # whatever others who ask for nothing say beside
    np.testing.assert_array_equal(trunk(seen, said.flatten(2))[:, 0].detach(), quiet[:, 0].detach())
    said[:, 1, 0, 0] = 1.0
    np.testing.assert_array_equal(trunk(seen, said.flatten(2))[:, 0].detach(), quiet[:, 0].detach())
    said[:, 0, 0, 0] = 1.0
    alone = said.clone()
    alone[:, 1, 0, 0] = -1.0
    assert (trunk(seen, said.flatten(2))[:, 0] != trunk(seen, alone.flatten(2))[:, 0]).any()


@pytest.mark.parametrize("kind", CHOSEN)
def test_absent_devices_are_not_heard(kind, judge, torch):
    """A padded device changes no other's value, whatever its actor says."""
    made = network(CHOSEN[kind], 4, 3)
    seen = look(made)
    seen[:, 3] = 0.0
    fresh, seen = judge(made), torch.from_numpy(seen)
    said = torch.zeros(6, 4, made.interface.actions)
    before = fresh(seen, said)
    said[:, 3] = 1.0
    if kind == "priced":
        np.testing.assert_array_equal(fresh(seen, said)[:, :, :3].detach(), before[:, :, :3].detach())
    value = central_value(made, CHOSEN[kind], torch.Generator().manual_seed(0)).value({"seen": seen}, None)
    assert value.shape == ((6, 4, 1) if kind == "priced" else (6, 1))


def test_actors_serve_any_number_of_devices_or_their_own(torch):
    """Weights of the shared actor are the same for two devices as for fifty; those of the text are for so many."""
    few, many = (network(replace(CHOSEN["priced"]), devices, 3) for devices in (2, 50))
    assert few.shapes() == many.shapes()
    assert network(CHOSEN["text"], 2, 3).shapes() != network(CHOSEN["text"], 50, 3).shapes()
