"""Files of instances, solutions and certificates: what is written reads back bit by bit, and every fault is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mecbench import problems
from mecbench.instances.documents import read_document, write_document
from mecbench.problems.arrays import ArrayModel, canonical
from mecbench.problems.draws import Split
from mecbench.problems.errors import InputError, explain
from mecbench.problems.evaluation import SolutionError

__all__ = [
    "Generator",
    "StoredInstance",
    "instance_document",
    "load_certificate",
    "load_instance",
    "load_solution",
    "save_certificate",
    "save_instance",
    "save_solution",
    "schema",
]

Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Kind = Literal["solution", "certificate"]
Model = TypeVar("Model", bound=BaseModel)


class Generator(BaseModel):
    """Where an instance comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="what drew the instance, usually the problem's own generator")
    version: int = Field(ge=1, description="raised when the same parameters and seed give other instances")
    parameters: dict[str, Any] = Field(description="every parameter, defaults included")
    seed: int | None = Field(ge=0, description="none where nothing was drawn")


@dataclass(frozen=True, eq=False)
class StoredInstance:
    """An instance with what its file says about it.

    Attributes
    ----------
    problem
        Name of the problem on the command line.
    name
        Name for people; the identity is ``instance.sha256``.
    instance
        The problem's own model.
    split
        train, valid, test or shift.
    generator
        Where it comes from.
    """

    problem: str
    name: str
    instance: Any
    split: Split
    generator: Generator


class _InstanceDocument(BaseModel):
    """An instance file."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(description="version of the data's meaning")
    problem: str = Field(description="name of the problem on the command line")
    name: str = Field(min_length=1, description="name for people")
    split: Split = Field(description="what the instance may be used for")
    generator: Generator = Field(description="where the instance comes from")
    sha256: Hash = Field(description="SHA-256 of the canonical JSON of format, problem and data")
    data: dict[str, Any] = Field(description="the instance")


class _DecisionDocument(BaseModel):
    """A solution or certificate file."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(description="version of the data's meaning")
    problem: str = Field(description="name of the problem on the command line")
    instance_sha256: Hash = Field(description="identity of the instance it belongs to")
    kind: Kind = Field(description="what the data is")
    data: dict[str, Any] = Field(description="the decisions, or the dual data from which a bound is recomputed")


def load_instance(path: Path | str) -> StoredInstance:
    """Read an instance file and check its hash.

    Raises
    ------
    InputError
        If the file is not a whole and valid instance file.
    """
    path = Path(path)
    document = read_document(path)
    problem = problems.load(_text(document, "problem", path))
    _check_format(document, problem.Instance, path)
    envelope = _validate(_InstanceDocument, document, str(path))
    try:
        canonical(envelope.generator.parameters)
    except ValueError:
        raise InputError(f"{path}: field generator.parameters: expected finite numbers, found NaN or infinity") from None
    instance = _validate(problem.Instance, envelope.data, f"{path}: data")
    if instance.sha256 != envelope.sha256:
        raise InputError(f"{path}: field sha256: expected {instance.sha256}, the hash of the data, found {envelope.sha256}")
    return StoredInstance(envelope.problem, envelope.name, instance, envelope.split, envelope.generator)


def instance_document(stored: StoredInstance) -> dict[str, Any]:
    """Content of an instance file."""
    return {
        "format": stored.instance.format,
        "problem": stored.problem,
        "name": stored.name,
        "split": stored.split,
        "generator": stored.generator.model_dump(mode="json"),
        "sha256": stored.instance.sha256,
        "data": stored.instance.model_dump(mode="json"),
    }


def save_instance(stored: StoredInstance, path: Path | str) -> None:
    """Write an instance file, ``.json`` or ``.json.gz``.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    write_document(instance_document(stored), Path(path))


def load_solution(path: Path | str, instance: ArrayModel) -> Any:
    """Read a solution file of an instance.

    Raises
    ------
    InputError
        If the file is not valid, belongs to another instance or does not fit its shape.
    """
    path = Path(path)
    problem = problems.load(instance.problem)
    solution = _load_decisions(path, instance, problem.Solution, "solution")
    try:
        problem.evaluate(instance, solution)
    except SolutionError as error:
        raise InputError(f"{path}: data: {error}") from None
    return solution


def load_certificate(path: Path | str, instance: ArrayModel) -> Any:
    """Read a certificate file of an instance; whether it proves its bound is not checked here.

    Raises
    ------
    InputError
        If the file is not valid or belongs to another instance.
    """
    return _load_decisions(Path(path), instance, problems.load(instance.problem).Certificate, "certificate")


def save_solution(solution: ArrayModel, instance: ArrayModel, path: Path | str) -> None:
    """Write a solution file.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    write_document(_decision_document(solution, instance, "solution"), Path(path))


def save_certificate(certificate: ArrayModel, instance: ArrayModel, path: Path | str) -> None:
    """Write a certificate file.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    write_document(_decision_document(certificate, instance, "certificate"), Path(path))


def schema(problem: str) -> dict[str, dict[str, Any]]:
    """JSON Schemas of a problem's files: ``instance``, ``solution`` and ``certificate``."""
    package = problems.load(problem)
    return {
        "instance": _file_schema(_InstanceDocument, package.Instance, f"{problem} instance file"),
        "solution": _file_schema(_DecisionDocument, package.Solution, f"{problem} solution file", kind="solution"),
        "certificate": _file_schema(_DecisionDocument, package.Certificate, f"{problem} certificate file", kind="certificate"),
    }


def _file_schema(envelope: type[BaseModel], model: type[ArrayModel], title: str, **constants: str) -> dict[str, Any]:
    document = envelope.model_json_schema()
    data = model.model_json_schema()
    definitions = document.pop("$defs", {}) | data.pop("$defs", {})
    fields: dict[str, Any] = document["properties"]
    fields["data"] = data
    for name, value in {"format": model.format, "problem": model.problem, **constants}.items():
        fields[name] = {"const": value, "description": fields[name]["description"]}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | document | {"title": title} | ({"$defs": definitions} if definitions else {})


def _load_decisions(path: Path, instance: ArrayModel, model: type[ArrayModel], kind: Kind) -> ArrayModel:
    document = read_document(path)
    named = _text(document, "problem", path)
    if named != instance.problem:
        raise InputError(f"{path}: field problem: expected {instance.problem!r}, the instance's, found {named!r}")
    _check_format(document, model, path)
    envelope = _validate(_DecisionDocument, document, str(path))
    if envelope.kind != kind:
        raise InputError(f"{path}: field kind: expected {kind!r}, found {envelope.kind!r}")
    if envelope.instance_sha256 != instance.sha256:
        raise InputError(
            f"{path}: field instance_sha256: expected {instance.sha256}, found {envelope.instance_sha256}: "
            f"it is a {kind} of another instance"
        )
    return _validate(model, envelope.data, f"{path}: data")


def _decision_document(decisions: ArrayModel, instance: ArrayModel, kind: Kind) -> dict[str, Any]:
    return {
        "format": decisions.format,
        "problem": decisions.problem,
        "instance_sha256": instance.sha256,
        "kind": kind,
        "data": decisions.model_dump(mode="json"),
    }


def _text(document: Mapping[str, Any], field: str, path: Path) -> str:
    value = document.get(field)
    if not isinstance(value, str):
        raise InputError(f"{path}: field {field}: expected a text, found {'none' if value is None else repr(value)[:60]}")
    return value


def _check_format(document: Mapping[str, Any], model: type[ArrayModel], path: Path) -> None:
    found = document.get("format")
    if found != model.format or isinstance(found, bool):
        raise InputError(f"{path}: field format: expected version {model.format}, found {'none' if found is None else repr(found)[:60]}")


def _validate(model: type[Model], data: Any, source: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(error, source) from None
    except RecursionError:
        raise InputError(f"{source}: expected plain numbers and lists, found data nested too deeply to read") from None
