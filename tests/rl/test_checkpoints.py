"""Checkpoints read back as they were, execute nothing, and refuse what is none in one sentence."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint

WEIGHTS = {"embed": np.arange(6, dtype=np.float32).reshape(2, 3), "log_spread": np.float32([-1.5])}


def test_a_checkpoint_reads_back_bit_for_bit(tmp_path: Path) -> None:
    """Header and weights survive; the same checkpoint is the same file, so that its hash names it."""
    written = Checkpoint({"agent": "p-edge/ppo", "seed": 3}, WEIGHTS)
    save_checkpoint(written, tmp_path / "a" / "one.npz")
    save_checkpoint(written, tmp_path / "two.npz")
    read, digest = load_checkpoint(tmp_path / "a" / "one.npz", "p-edge/ppo")
    assert read.header == written.header
    assert {name: (array.dtype, array.tobytes()) for name, array in read.weights.items()} == {
        name: (array.dtype, array.tobytes()) for name, array in WEIGHTS.items()
    }
    assert load_checkpoint(tmp_path / "two.npz", "p-edge/ppo")[1] == digest
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["one.npz"]


class Bomb:
    """What a pickle could do."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def archive(**arrays: np.ndarray) -> bytes:
    """Bytes of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def lone(array: np.ndarray) -> bytes:
    """Bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str) -> np.ndarray:
    """A header as it is stored."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", "found something else"),
        (b"no archive", "found something else"),
        (pickle.dumps(Bomb()), "found something else"),
        (archive(header=header("{}"), embed=np.array([Bomb()], dtype=object)), "found something else"),
        (archive(header=header('{"agent": "p-edge/ppo", "format": 1}'))[:-30], "found something else"),
        (lone(np.ones(3)), "found something else"),
        (archive(header=header("{")), "found something else"),
        (archive(header=header("[]")), "found one of []"),
        (archive(embed=np.ones(3)), "found one without a header"),
        (archive(header=header('{"agent": "p/mine", "format": 1}')), "found one of 'p/mine'"),
        (archive(header=header('{"agent": "p-edge/ppo", "format": 99}')), "found another format"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes, finding: str) -> None:
    """One sentence names the file and what was found instead; no pickle is ever loaded."""
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=f"checkpoint .*bad.npz: expected an .npz file of agent p-edge/ppo.*{finding}".replace("[]", r"\[\]")
    ):
        load_checkpoint(path, "p-edge/ppo")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A typing error in a path is named as such."""
    with pytest.raises(InputError, match="No such file"):
        load_checkpoint(tmp_path / "none.npz", "p-edge/ppo")
