from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mecbench.benchmarks import library
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.run import run
from mecbench.benchmarks.store import Store
from mecbench.instances import best, build
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


def test_a_store_hands_over_what_is_better(
    planned: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What long runs found is kept without solving again, but only where it improves on what is known."""
    folder = tmp_path / "results"
    with Store(folder) as store:
        plan = planned("p-edge/threshold")
        store.add_instances(plan.runs)
        store.add(run(plan.runs[0]))
    data = tmp_path / "data"
    monkeypatch.setattr(library, "build", lambda problem, finder: [])
    monkeypatch.setattr(library, "save_best_known", partial(best.save_best_known, data=data))
    assert library.main(["p-edge", "--from", str(folder)]) == 0
    written = data / "p-edge" / "best-known" / f"{plan.runs[0].instance_sha256}.json"
    assert capsys.readouterr().out == f"{written}\n"
    assert '"algorithm":"p-edge/threshold"' in written.read_text().replace(": ", ":")
    assert library.main(["p-edge", "--from", str(folder)]) == 0
    assert capsys.readouterr().out == ""
