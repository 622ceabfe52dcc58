from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from mecbench.benchmarks import library
from mecbench.instances import build
from mecbench.instances.library import DATA


def test_the_shipped_library_is_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Building again with the exact method changes nothing: what is shipped is what the code gives."""
    copy = shutil.copytree(DATA, tmp_path / "data")
    monkeypatch.setattr(library, "build", partial(build.build, data=copy))
    assert library.main(["p-edge", "--with", "p-edge/threshold"]) == 0
    assert capsys.readouterr().out == ""


def test_a_missing_value_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost best known value comes back with the algorithm's name and version."""
    copy = shutil.copytree(DATA, tmp_path / "data")
    lost = next((copy / "p-edge" / "best-known").iterdir())
    lost.unlink()
    monkeypatch.setattr(library, "build", partial(build.build, data=copy))
    assert library.main(["p-edge", "--with", "p-edge/threshold"]) == 0
    assert capsys.readouterr().out == f"{lost}\n"
    assert '"algorithm": "p-edge/threshold"' in lost.read_text()


def test_bad_input_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown algorithm ends with code 2 before anything is written."""
    assert library.main(["p-edge", "--with", "p-edge/treshold"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown algorithm 'p-edge/treshold'")
