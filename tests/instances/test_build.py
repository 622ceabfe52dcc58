from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mecbench.instances.best import Provenance, best_known
from mecbench.instances.build import Finding, build, recipes
from mecbench.instances.documents import read_document
from mecbench.instances.files import instance_document, load_instance, schema
from mecbench.instances.library import DATA
from mecbench.problems.p_edge import Certificate, Solution, evaluate
from mecbench.problems.p_edge.allocation import allocate

RECIPE = """
[[group]]
folder = "tiny"
prefix = "mine"
size = "tiny"
seeds = [3, 4]
set = { devices = 3 }
compressed = true
"""
SUITE = """
description = "x"
time_limit = 1.0
memory_limit = 512

[[generated]]
problem = "p-edge"
size = "tiny"
seeds = [9, 9]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A library that is nothing but a recipe and a suite."""
    (tmp_path / "p-edge").mkdir()
    (tmp_path / "suites").mkdir()
    (tmp_path / "p-edge" / "recipes.toml").write_text(RECIPE)
    (tmp_path / "suites" / "drawn.toml").write_text(SUITE)
    return tmp_path


def solve(instance: Any) -> Finding:
    """Optimum with its proof."""
    solution = Solution(allocation=allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors))
    certificate = Certificate(threshold=evaluate(instance, solution).objective)
    return Finding(solution, certificate, Provenance(algorithm="p-edge/test", version=1, date="2025-01-31", seconds=0.0))


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("problem", ["p", "p-edge"])
def test_the_library_is_what_its_recipes_give(problem: str) -> None:
    """Nobody edits an instance by hand: every file is its recipe, and there is no other."""
    wanted = {path: instance_document(stored) for path, stored in recipes(problem)}
    found = {path for path in (DATA / problem).glob("*/*.json*") if path.parent.name not in ("best-known", "schema")}
    assert found == set(wanted)
    for path, document in wanted.items():
        assert read_document(path) == document, path


@pytest.mark.parametrize("problem", ["p", "p-edge"])
def test_schemas_are_published_as_they_are(problem: str) -> None:
    """The JSON Schemas beside the files are generated from the models."""
    for kind, node in schema(problem).items():
        assert read_document(DATA / problem / "schema" / f"{kind}.json") == node


def test_every_best_known_value_belongs_to_an_instance(data: Path) -> None:
    """No value is left over from an instance that is gone; building removes those."""
    build("p-edge", solve, data)
    hashes = {path.stem for path in (data / "p-edge" / "best-known").glob("*.json")}
    members = [load_instance(path).instance.sha256 for path in (data / "p-edge" / "tiny").iterdir()]
    assert hashes == {*members, *json.loads((data / "suites" / "drawn.lock.json").read_text()).values()}


def test_building_writes_everything_once(data: Path) -> None:
    """From the recipe alone come instances, schemas, locks and values; the second time nothing changes."""
    changed = build("p-edge", solve, data)
    assert [path.name for path in changed[:2]] == ["mine-0003.json.gz", "mine-0004.json.gz"]
    stored = load_instance(changed[0])
    assert (stored.name, stored.instance.devices) == ("mine-0003", 3)
    assert best_known(stored.instance, data) is not None
    before = tree(data)
    assert set(before) == {str(path.relative_to(data)) for path in changed} | {
        "p-edge/recipes.toml",
        "suites/drawn.toml",
        "suites/drawn.lock.json",
    }
    assert build("p-edge", solve, data) == []
    assert tree(data) == before


def test_building_mends_and_clears(data: Path) -> None:
    """A damaged file is written anew, one without a recipe is removed, best known values of the others stay."""
    build("p-edge", solve, data)
    before = tree(data)
    (data / "p-edge" / "tiny" / "mine-0003.json.gz").write_bytes(b"damaged")
    shutil.copy(data / "p-edge" / "tiny" / "mine-0004.json.gz", data / "p-edge" / "tiny" / "stray.json.gz")
    (data / "p-edge" / "best-known" / f"{'0' * 64}.json").write_text("{}")
    changed = {path.name for path in build("p-edge", None, data)}
    assert changed == {"mine-0003.json.gz", "stray.json.gz", f"{'0' * 64}.json"}
    assert tree(data) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RECIPE.replace("folder", "folders"), "field group.0.folder: expected a value, found none"),
        ("[[", "expected a TOML file, found text that is not ("),
        ("", "field group: expected a value, found none"),
    ],
)
def test_bad_recipes(text: str, message: str, data: Path, complaint: Callable[..., str]) -> None:
    """A recipe's fault is a sentence like any other."""
    path = data / "p-edge" / "recipes.toml"
    path.write_text(text)
    assert complaint(build, "p-edge", None, data).startswith(f"{path}: {message}")


def test_no_recipes(data: Path, complaint: Callable[..., str]) -> None:
    """A problem without a library yet."""
    path = data / "p-edge" / "recipes.toml"
    path.unlink()
    assert complaint(build, "p-edge", None, data) == f"{path}: expected a file, found none"
