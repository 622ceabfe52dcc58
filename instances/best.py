"""Best known values: a solution and a certificate per instance, with their provenance; the figures are recomputed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mecbench import problems
from mecbench.instances.documents import read_document, write_document
from mecbench.problems.arrays import ArrayModel, canonical
from mecbench.problems.errors import InputError, explain
from mecbench.problems.evaluation import CertificateError, Regret, Sense, SolutionError, beats

__all__ = ["BestKnown", "Provenance", "best_known", "save_best_known"]

DATA = Path(__file__).parent / "data"
LARGE = 20_000  # bytes of text from which a file is compressed


class Provenance(BaseModel):
    """Where a value comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str = Field(min_length=1, description="problem/method with its parameters")
    version: int | str = Field(description="the algorithm's version")
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="day on which it was found")
    seconds: float = Field(ge=0, allow_inf_nan=False, description="wall-clock time that it took [s]")


@dataclass(frozen=True, eq=False)
class BestKnown:
    """Best known solution and bound of an instance.

    Attributes
    ----------
    solution, objective
        The decisions and what the evaluator says of them; ``None`` if no feasible solution is known.
    certificate, bound
        Dual data and the bound recomputed from them; ``None`` if no bound is certified.
    regret
        Lagrangian regret at the certificate's multipliers; ``None`` if it prices no constraint.
    provenance
        Where ``solution`` and ``certificate`` come from.
    """

    solution: Any
    objective: float | None
    certificate: Any
    bound: float | None
    regret: Regret | None
    provenance: Mapping[str, Provenance]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int
    data: dict[str, Any]
    provenance: Provenance


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    problem: str
    instance: str
    instance_sha256: str
    solution: _Entry | None = None
    certificate: _Entry | None = None


def _paths(instance: ArrayModel, data: Path) -> tuple[Path, Path]:
    """Where its values are, if they are small and if they are large."""
    folder = data / instance.problem / "best-known"
    return folder / f"{instance.sha256}.json", folder / f"{instance.sha256}.json.gz"


def best_known(instance: ArrayModel, data: Path = DATA) -> BestKnown | None:
    """Best known solution and bound of an instance, ``None`` if the library has neither.

    Parameters
    ----------
    instance
        Any instance; it is found by its hash.
    data
        Folder of the library.

    Raises
    ------
    InputError
        If the stored solution is not feasible, or the certificate does not hold.
    """
    path = next((path for path in _paths(instance, data) if path.exists()), None)
    return _load(path, instance) if path else None


def _load(path: Path, instance: ArrayModel) -> BestKnown:
    package = problems.load(instance.problem)
    try:
        document = _Document.model_validate(read_document(path))
        solution = _read(path, document.solution, package.Solution)
        certificate = _read(path, document.certificate, package.Certificate)
    except ValidationError as error:
        raise explain(error, str(path)) from None
    if document.instance_sha256 != instance.sha256:
        raise InputError(f"{path}: field instance_sha256: expected {instance.sha256}, found {document.instance_sha256}")
    try:
        objective = _objective(instance, solution)
        bound = None if certificate is None else package.bound(instance, certificate)
    except (SolutionError, CertificateError) as error:
        raise InputError(f"{path}: {error}") from None
    if objective is not None and bound is not None and beats(objective, bound, package.SENSE):
        raise InputError(f"{path}: expected a bound that no solution beats, found {bound!r} and objective {objective!r}")
    pricing = getattr(package, "regret", None)
    regret = pricing(instance, certificate) if pricing and certificate is not None else None
    entries = {"solution": document.solution, "certificate": document.certificate}
    return BestKnown(solution, objective, certificate, bound, regret, {key: entry.provenance for key, entry in entries.items() if entry})


def _read(path: Path, entry: _Entry | None, model: type[ArrayModel]) -> Any:
    if entry is None:
        return None
    if entry.format != model.format:
        raise InputError(f"{path}: field format: expected version {model.format} of a {model.__name__}, found {entry.format}")
    return model.model_validate(entry.data)


def _objective(instance: ArrayModel, solution: Any) -> float | None:
    if solution is None:
        return None
    evaluation = problems.load(instance.problem).evaluate(instance, solution)
    if not evaluation.feasible:
        broken = [name for name, violation in evaluation.violations.items() if violation.relative > evaluation.tolerance]
        raise SolutionError(f"expected a feasible solution, found one that violates {', '.join(broken)}")
    return evaluation.objective


def save_best_known(
    instance: ArrayModel,
    name: str,
    solution: ArrayModel | None,
    certificate: ArrayModel | None,
    provenance: Provenance,
    data: Path = DATA,
) -> Path | None:
    """Keep a solution and a certificate where they improve on what the library has.

    Parameters
    ----------
    instance, name
        The instance and its name for people.
    solution, certificate
        What was found; either may be missing.
    provenance
        Where both come from.
    data
        Folder of the library.

    Returns
    -------
    Path or None
        File that was written; ``None`` if nothing improved, and the file is left alone.

    Raises
    ------
    InputError
        If the path cannot be written.
    SolutionError, CertificateError
        If the solution is not feasible, or the certificate does not hold.
    """
    package = problems.load(instance.problem)
    known = best_known(instance, data)
    lower_is_better = package.SENSE is Sense.MINIMISE
    objective = _objective(instance, solution)
    bound = None if certificate is None else package.bound(instance, certificate)
    better_solution = _improves(objective, known.objective if known else None, lower_is_better)
    better_bound = _improves(bound, known.bound if known else None, not lower_is_better)
    if not (better_solution or better_bound):
        return None
    document: dict[str, Any] = {"problem": instance.problem, "instance": name, "instance_sha256": instance.sha256}
    small, large = _paths(instance, data)
    if known:
        document = read_document(small if small.exists() else large)
    for key, found, better in (("solution", solution, better_solution), ("certificate", certificate, better_bound)):
        if better and found is not None:
            document[key] = {
                "format": found.format,
                "data": found.model_dump(mode="json"),
                "provenance": provenance.model_dump(mode="json"),
            }
    path, other = (large, small) if len(canonical(document)) > LARGE else (small, large)
    write_document(document, path)
    other.unlink(missing_ok=True)
    return path


def _improves(found: float | None, known: float | None, lower_is_better: bool) -> bool:
    if found is None or known is None:
        return found is not None
    return found < known if lower_is_better else found > known
