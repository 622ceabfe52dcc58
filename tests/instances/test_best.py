from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mecbench.instances import best
from mecbench.instances.best import Provenance, best_known, save_best_known
from mecbench.instances.files import StoredInstance
from mecbench.problems.evaluation import CertificateError, SolutionError
from mecbench.problems.p_edge import Certificate, Instance, Solution, bound, evaluate
from mecbench.problems.p_edge.allocation import allocate

TODAY = Provenance(algorithm="p-edge/by-hand", version=1, date="2025-01-31", seconds=0.5)
LATER = Provenance(algorithm="p-edge/by-hand:harder=1", version=2, date="2025-02-28", seconds=60.0)


@pytest.fixture
def instance(stored: StoredInstance) -> Instance:
    """The instance whose values are kept."""
    found: Instance = stored.instance
    return found


@pytest.fixture
def optimum(instance: Instance) -> tuple[Solution, Certificate]:
    """Its proven optimum."""
    solution = Solution(allocation=allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors))
    return solution, Certificate(threshold=evaluate(instance, solution).objective)


def path(instance: Instance, data: Path) -> Path:
    """File of the values."""
    return data / "p-edge" / "best-known" / f"{instance.sha256}.json"


def spoil(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a file by hand."""
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_nothing_is_known_at_first(instance: Instance, tmp_path: Path) -> None:
    """An instance of one's own has no best known value, and that is no fault."""
    assert best_known(instance, tmp_path) is None


def test_figures_are_recomputed(instance: Instance, optimum: tuple[Solution, Certificate], tmp_path: Path) -> None:
    """The file holds decisions and dual data only; objective and bound come from evaluator and certificate check."""
    assert save_best_known(instance, "x", *optimum, TODAY, tmp_path)
    known = best_known(instance, tmp_path)
    assert known is not None
    assert known.objective == evaluate(instance, optimum[0]).objective
    assert known.bound == bound(instance, optimum[1]) == known.objective
    assert known.provenance == {"solution": TODAY, "certificate": TODAY}
    assert "objective" not in path(instance, tmp_path).read_text()


def test_only_improvements_are_kept(instance: Instance, optimum: tuple[Solution, Certificate], tmp_path: Path) -> None:
    """A worse or equal finding leaves the file alone; a better part replaces that part, with its provenance."""
    poor = Solution(allocation=[1, 1, 1])
    assert save_best_known(instance, "x", poor, None, TODAY, tmp_path)
    assert save_best_known(instance, "x", optimum[0], Certificate(threshold=0.1), LATER, tmp_path)
    before = path(instance, tmp_path).read_bytes()
    assert not save_best_known(instance, "x", poor, Certificate(threshold=0.05), TODAY, tmp_path)
    assert not save_best_known(instance, "x", *optimum[:1], None, TODAY, tmp_path)
    assert path(instance, tmp_path).read_bytes() == before
    assert save_best_known(instance, "x", poor, optimum[1], TODAY, tmp_path)
    known = best_known(instance, tmp_path)
    assert known is not None
    assert known.solution == optimum[0]
    assert known.bound == known.objective
    assert known.provenance == {"solution": LATER, "certificate": TODAY}


def test_wrong_claims_are_not_kept(instance: Instance, optimum: tuple[Solution, Certificate], tmp_path: Path) -> None:
    """An infeasible solution or a refuted certificate never reaches the library."""
    with pytest.raises(SolutionError, match="found one that violates capacity"):
        save_best_known(instance, "x", Solution(allocation=[32, 1, 1]), None, TODAY, tmp_path)
    with pytest.raises(CertificateError, match="is not a lower bound"):
        save_best_known(instance, "x", None, Certificate(threshold=optimum[1].threshold * 1.01), TODAY, tmp_path)
    assert not path(instance, tmp_path).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["solution"]["data"].update(allocation=[32, 1, 1]), "expected a feasible solution, found one that violates capacity"),
        (lambda d: d["solution"]["data"].update(allocation=[1, 1]), "field allocation: expected 3 integers, one per device, found 2"),
        (lambda d: d["solution"]["data"].update(allocation=[[1]]), "field allocation: expected integers in SM of shape [M], found shape"),
        (lambda d: d["certificate"]["data"].update(threshold=99.0), "threshold 99.0 is not a lower bound"),
        (lambda d: d["solution"].update(format=7), "field format: expected version 1 of a Solution, found 7"),
        (lambda d: d["solution"].pop("provenance"), "field solution.provenance: expected a value, found none"),
        (lambda d: d.update(objective=0.1), "field objective: expected no such field, found one"),
        (lambda d: d.update(instance_sha256="0"), "field instance_sha256: expected "),
        (lambda d: d["certificate"]["provenance"].update(date="yesterday"), "field certificate.provenance.date: string should match"),
    ],
)
def test_spoilt_files_are_not_trusted(
    change: Callable[[dict[str, Any]], Any],
    message: str,
    instance: Instance,
    optimum: tuple[Solution, Certificate],
    tmp_path: Path,
    complaint: Callable[..., str],
) -> None:
    """Whoever edits a best known value is told by whoever loads it."""
    save_best_known(instance, "x", *optimum, TODAY, tmp_path)
    spoil(path(instance, tmp_path), change)
    sentence = complaint(best_known, instance, tmp_path)
    assert sentence.startswith(f"{path(instance, tmp_path)}: ")
    assert message in sentence


def test_large_values_are_compressed(
    instance: Instance, optimum: tuple[Solution, Certificate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library travels with every installation; a file that grows over the limit takes the small one's place."""
    small = path(instance, tmp_path)
    large = small.with_name(f"{small.name}.gz")
    assert save_best_known(instance, "x", None, Certificate(threshold=0.1), TODAY, tmp_path) == small
    monkeypatch.setattr(best, "LARGE", 100)
    assert save_best_known(instance, "x", *optimum, TODAY, tmp_path) == large
    assert [file.name for file in small.parent.iterdir()] == [large.name]
    known = best_known(instance, tmp_path)
    assert known is not None
    assert known.bound == known.objective
    assert save_best_known(instance, "x", *optimum, TODAY, tmp_path) is None
