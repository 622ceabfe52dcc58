from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mecbench.instances import library
from mecbench.instances.files import StoredInstance, save_instance
from mecbench.instances.library import best_known, load, names


def test_every_instance_loads() -> None:
    """Each file has the hash of its data, belongs to the test split, and none is there twice."""
    stored = {name: load(name) for name in names()}
    assert all(item.name == name for name, item in stored.items())
    assert {item.split for item in stored.values()} == {"test"}
    assert len({item.instance.sha256 for item in stored.values()}) == len(stored)


def test_every_edge_is_solved() -> None:
    """Each instance of P-EDGE comes with a proven optimum."""
    for name in names("p-edge"):
        known = best_known(load(name).instance)
        assert known is not None
        assert known.objective == known.bound


@pytest.mark.slow
def test_every_deployment_is_bounded() -> None:
    """Each instance of P comes with a solution that keeps the delay limit and a certified bound, near it but for duality gaps."""
    for name in names("p"):
        known = best_known(load(name).instance)
        assert known is not None, name
        assert known.objective is not None, name
        assert known.bound is not None, name
        assert known.regret is not None, name
        assert known.bound <= known.objective <= (1.2 if name.startswith("p-tiny") else 1.03) * known.bound, name


@pytest.mark.slow
def test_every_inference_is_bounded() -> None:
    """Each instance of P1 comes with a plan and a certified bound, equal up to n30 under mains and near each other elsewhere."""
    for name in names("p1"):
        known = best_known(load(name).instance)
        assert known is not None, name
        assert known.objective is not None, name
        assert known.bound is not None, name
        proven = name.startswith(("p1-tiny", "p1-n5-", "p1-n10-", "p1-n30-", "p1-slot-fit-n10", "p1-slot-fit-n30", "p1-literal-tiny"))
        assert known.bound <= known.objective <= (1 + 2e-6 if proven else 1.015) * known.bound, name


def test_every_game_is_bounded() -> None:
    """Each instance of CMG comes with a plan and a certified bound, equal up to five devices and near each other elsewhere."""
    for name in names("cmg"):
        known = best_known(load(name).instance)
        assert known is not None, name
        assert known.objective is not None, name
        assert known.bound is not None, name
        proven = name.startswith(("cmg-tiny", "cmg-small"))
        assert known.objective <= known.bound <= (1 + 3e-6 if proven else 1.0002) * known.objective, name


@pytest.mark.slow
def test_every_system_is_bounded() -> None:
    """Each instance of P-MARL comes with decisions and a certified bound: equal in one epoch, near each other in few."""
    for name in names("p-marl"):
        known = best_known(load(name).instance)
        assert known is not None, name
        assert known.objective is not None, name
        assert known.bound is not None, name
        most = 6e-3 if name.startswith("p-marl-tiny") else 2e-4 if name.startswith("p-marl-orig-240x11") else 0.0
        assert known.bound <= known.objective <= (1 + most) * known.bound, name


def test_files_stay_small() -> None:
    """The library travels with every installation: what is large is compressed, and what is larger is drawn on demand."""
    sizes = {path: path.stat().st_size for path in library._paths().values()}
    assert max(sizes.values()) < 25_000
    assert sum(sizes.values()) < 3_000_000


@pytest.mark.parametrize(("size", "least"), [("tiny", 20), ("medium", 16), ("small", 15), ("paper", 12), ("large", 6)])
def test_both_families_are_represented(size: str, least: int) -> None:
    """Random cuts hide in hopeless devices what NSG cuts show: every size has as many of the one as of the other."""
    families = Counter(load(name).generator.parameters["family"] for name in names("p-edge") if name.startswith(f"p-edge-{size}-"))
    assert sum(families.values()) >= least
    assert families["nsg-cuts"] == families["random-cuts"]


def test_names_open_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing the library stays fast however many and however large its files are."""
    library._paths.cache_clear()
    monkeypatch.setattr(Path, "open", None)
    assert "p-edge-tiny-nsg-0000" in names()
    assert names("p-edge") == [name for name in names() if name.startswith("p-edge-")]
    assert names("no-such-problem") == []


def test_files_are_loaded_by_their_path(stored: StoredInstance, tmp_path: Path) -> None:
    """One's own file serves wherever a name of the library does, as text or path."""
    path = tmp_path / "mine.json.gz"
    save_instance(stored, path)
    assert load(path).instance == load(str(path)).instance == stored.instance


def test_references_are_generated(stored: StoredInstance) -> None:
    """An instance that nobody stored is drawn on the spot."""
    assert load("p-edge/tiny:devices=3,seed=5").instance == stored.instance


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("p-edge-tiny-nsg-000", "unknown instance 'p-edge-tiny-nsg-000': the nearest instance names are p-edge-tiny-nsg-00"),
        ("nowhere.json", "nowhere.json: expected a file, found none"),
        ("p-edge/tyni:seed=1", "unknown p-edge size 'tyni': the nearest p-edge size names are tiny"),
        ("p-edge/tiny:sed=1", "expected a reference to a generated instance of the form"),
    ],
)
def test_unknown_instances(name: str, message: str, complaint: Callable[..., str]) -> None:
    """Name, file and reference each have their own sentence."""
    assert complaint(load, name).startswith(message)


def test_folder_as_an_instance(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A folder is not an instance, however it is written."""
    assert complaint(load, tmp_path) == f"{tmp_path}: expected a file, found a folder"
    assert complaint(load, str(tmp_path)) == f"{tmp_path}: expected a file, found a folder"
