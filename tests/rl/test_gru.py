"""The recurrent unit is PyTorch's, in NumPy too."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.gru import gru, shapes


def test_it_is_the_unit_of_pytorch():
    """With the same weights the hidden state is that of `torch.nn.GRUCell`, computed by either module."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes("unit", 4, 6).items()}
    inputs, hidden = random.normal(size=(9, 4)).astype(np.float32), random.normal(size=(9, 6)).astype(np.float32)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    cell = torch.nn.GRUCell(4, 6)
    names = {"weight_ih": "input", "weight_hh": "hidden", "bias_ih": "input_bias", "bias_hh": "hidden_bias"}
    cell.load_state_dict({theirs: torch.from_numpy(weights[f"unit/{ours}"].T.copy()) for theirs, ours in names.items()})
    with torch.no_grad():
        expected = cell(torch.from_numpy(inputs), torch.from_numpy(hidden)).numpy()
    ours = gru(torch, tensors, "unit", torch.from_numpy(inputs), torch.from_numpy(hidden)).numpy()
    assert ours == pytest.approx(expected, abs=1e-6)
    assert gru(np, weights, "unit", inputs, hidden) == pytest.approx(expected, abs=1e-5)
