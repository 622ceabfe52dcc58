"""Build the library from its recipes, so that nobody edits its files by hand.

``data/<problem>/recipes.toml`` says which instances there are. Building again changes nothing unless a generator, a
recipe or a suite changed, or a better solution or bound was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mecbench.instances.best import Provenance, save_best_known
from mecbench.instances.documents import read_document, read_toml, write_document
from mecbench.instances.files import StoredInstance, instance_document, schema
from mecbench.instances.generation import generate
from mecbench.instances.library import DATA
from mecbench.instances.suites import lock, references
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.errors import InputError, explain

__all__ = ["Finding", "Solve", "build", "recipes"]


class Finding(NamedTuple):
    """What a solver found: either part may be missing."""

    solution: ArrayModel | None
    certificate: ArrayModel | None
    provenance: Provenance


Solve = Callable[[Any], Finding]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid")

    folder: str
    prefix: str
    size: str
    seeds: tuple[int, int]
    set: dict[str, Any] = Field(default_factory=dict)
    compressed: bool = False


class _Recipes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    group: list[_Group]


def recipes(problem: str, data: Path = DATA) -> Iterator[tuple[Path, StoredInstance]]:
    """Files of a problem's instances with what they must hold, freshly generated.

    Raises
    ------
    InputError
        If the recipes are not valid.
    """
    path = data / problem / "recipes.toml"
    try:
        groups = _Recipes.model_validate(read_toml(path)).group
    except ValidationError as error:
        raise explain(error, str(path)) from None
    for group in groups:
        for seed in range(group.seeds[0], group.seeds[1] + 1):
            name = f"{group.prefix}-{seed:04d}"
            file = data / problem / group.folder / f"{name}.json{'.gz' if group.compressed else ''}"
            yield file, generate(problem, group.size, seed, group.set, name=name)


def build(problem: str, solve: Solve | None = None, data: Path = DATA) -> list[Path]:
    """Write a problem's instances and schemas, lock the suites that draw some, and improve the best known values.

    Parameters
    ----------
    problem
        Name on the command line.
    solve
        Finds a solution and a certificate of an instance; without it best known values stay as they are.
    data
        Folder of the library.

    Returns
    -------
    list[Path]
        Files that were written or removed.

    Raises
    ------
    InputError
        If recipes or suites are not valid, or a file cannot be written.
    """
    wanted = dict(recipes(problem, data))
    changed = [path for path, stored in wanted.items() if _update(path, instance_document(stored))]
    changed += [path for kind, node in schema(problem).items() if _update(path := data / problem / "schema" / f"{kind}.json", node)]
    members = list(wanted.values())
    for suite in sorted((data / "suites").glob("*.toml")):
        own = [reference for reference in references(suite) if reference.problem == problem]
        if own:
            lock(suite)
        members += [reference.generate() for reference in own]
    if solve:
        for stored in members:
            if better := save_best_known(stored.instance, stored.name, *solve(stored.instance), data=data):
                changed.append(better)
    known = {path.name for path in wanted} | {f"{kind}.json" for kind in schema(problem)}
    known |= {f"{stored.instance.sha256}.json{suffix}" for stored in members for suffix in ("", ".gz")}
    for path in sorted((data / problem).glob("*/*.json*")):
        if path.name not in known:
            path.unlink()
            changed.append(path)
    return changed


def _update(path: Path, document: dict[str, Any]) -> bool:
    """Write a document unless the file already holds it."""
    try:
        if path.exists() and read_document(path) == document:
            return False
    except InputError:
        pass  # a damaged file is written anew
    write_document(document, path)
    return True
