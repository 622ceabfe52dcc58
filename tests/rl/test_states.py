"""States read back as they were, as data only."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.errors import InputError
from mecbench.rl.states import load_state, save_state

torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")


def test_a_state_reads_back_as_it_was(tmp_path):
    """Numbers, words, tensors, arrays of any type and generators, however nested; nothing else is left in the folder."""
    random = RandomState(MT19937(SeedSequence(1)))
    random.standard_normal(3)  # an odd number, so that a normal one is kept for the next call
    state = {"done": 3, "rate": 0.5, "deep": [{"mask": np.array([True, False])}, None, "word"], "float": np.float64(0.1)}
    state |= {"tensor": torch.arange(3, dtype=torch.float64), "random": random, "empty": np.zeros((0, 2), dtype=np.float32)}
    save_state(state, tmp_path / "state.pt")
    read = load_state(tmp_path / "state.pt")
    assert (read["random"].standard_normal(5) == random.standard_normal(5)).all()
    assert torch.equal(read["tensor"], state["tensor"])
    assert (read["deep"][0]["mask"] == [True, False]).all()
    assert (read["empty"].shape, read["empty"].dtype) == ((0, 2), np.float32)
    assert (read["done"], read["rate"], read["float"], read["deep"][1:]) == (3, 0.5, 0.1, [None, "word"])
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


class _Deed:
    """What a pickle could do to who reads it."""

    def __reduce__(self):
        return pytest.fail, ("a state was executed",)


@pytest.mark.parametrize("written", [pickle.dumps(_Deed()), pickle.dumps([1]), b""])
def test_what_is_no_state_is_refused_and_not_executed(tmp_path, written):
    """A pickle is not followed; a list is no state."""
    (tmp_path / "state.pt").write_bytes(written)
    with pytest.raises(InputError, match="expected the state of an interrupted training run, found something else"):
        load_state(tmp_path / "state.pt")


def test_deeds_within_pytorchs_own_format_are_not_done(tmp_path):
    """The archive of PyTorch holds a pickle too; it is read for data alone."""
    torch.save({"deed": _Deed()}, tmp_path / "state.pt")
    with pytest.raises(InputError, match="found something else"):
        load_state(tmp_path / "state.pt")


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path):
    """What is no data is refused while the last state stays to go on from."""
    save_state({"done": 1}, tmp_path / "state.pt")
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        save_state({"done": lambda: 2}, tmp_path / "state.pt")
    assert load_state(tmp_path / "state.pt") == {"done": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
