"""Suites: which instances, under which limits, with which algorithms. A suite is a TOML file.

.. code-block:: toml

    description = "..."
    time_limit = 5.0                        # wall clock of a run [s]
    memory_limit = 2048                     # of a run with all its descendants [MiB]
    seeds = 1                               # runs of an algorithm whose results depend on the seed
    algorithms = ["*", "!p-edge/cp-sat"]    # all by default
    instances = ["p-edge-tiny-*"]           # names or patterns of the library, or files

    [[generated]]                           # instances that are not stored but drawn
    problem = "p-edge"
    size = "paper"
    seeds = [10000, 10019]                  # first and last
    set = { family = "random-cuts" }

The hashes of drawn instances stand in a lock file beside the suite, ``<name>.lock.json``, which `lock` writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mecbench.instances import library
from mecbench.instances.documents import read_document, read_toml, write_document
from mecbench.instances.generation import Reference
from mecbench.problems.errors import InputError, explain, unknown

__all__ = ["Suite", "load_suite", "lock", "references", "suite_names"]

SUITES = library.DATA / "suites"


@dataclass(frozen=True)
class Suite:
    """What is run, and under which limits.

    Attributes
    ----------
    name, description
        For people.
    instances
        Each is a name, a file or a reference, as `library.load` takes it.
    time_limit
        Wall clock of a run [s].
    memory_limit
        Memory of a run with all its descendants [MiB].
    seeds
        Number of seeds, 0 .. seeds - 1.
    algorithms
        Patterns over ``problem/method``, in order; one that begins with ``!`` takes matches out again, one with a
        colon is an algorithm with its parameters and is added as it stands.
    """

    name: str
    description: str
    instances: tuple[str, ...]
    time_limit: float
    memory_limit: int
    seeds: int
    algorithms: tuple[str, ...]

    def select(self, known: Iterable[str]) -> list[str]:
        """Algorithms of the suite among those that exist, in the order of the patterns."""
        known = list(known)
        chosen: dict[str, None] = {}
        for pattern in self.algorithms:
            if pattern.startswith("!"):
                chosen = {name: None for name in chosen if not fnmatchcase(name, pattern[1:])}
            elif ":" in pattern:
                chosen[pattern] = None
            else:
                chosen |= {name: None for name in known if fnmatchcase(name, pattern)}
        return list(chosen)


class _Generated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    problem: str
    size: str
    seeds: tuple[int, int]
    set: dict[str, Any] = Field(default_factory=dict)

    @field_validator("seeds")
    @classmethod
    def _rising(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= value[0] <= value[1]:
            raise ValueError(f"expected first and last seed, rising from at least 0, found {list(value)}")
        return value

    def references(self) -> list[Reference]:
        return [Reference(self.problem, self.size, seed, self.set) for seed in range(self.seeds[0], self.seeds[1] + 1)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: str
    time_limit: float = Field(gt=0, allow_inf_nan=False)
    memory_limit: int = Field(gt=0)
    seeds: int = Field(1, ge=1)
    algorithms: tuple[str, ...] = ("*",)
    instances: tuple[str, ...] = ()
    generated: tuple[_Generated, ...] = ()


def suite_names() -> list[str]:
    """Names of the library's suites."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def load_suite(name_or_path: str | Path) -> Suite:
    """Suite by its name in the library or by its file.

    Raises
    ------
    InputError
        If there is no such suite, it is not valid, names an unknown instance, or is not locked.
    """
    path = _suite_path(name_or_path)
    document = _read(path)
    listed = [name for pattern in document.instances for name in _matches(pattern, path)]
    drawn = [reference for part in document.generated for reference in part.references()]
    hashes = _read_lock(path) if drawn else {}
    missing = next((reference for reference in drawn if str(reference) not in hashes), None)
    if missing:
        raise InputError(f"{_lock_path(path)}: expected a hash of {missing}, found none: lock the suite again")
    instances = dict.fromkeys(listed + [str(reference.locked(hashes[str(reference)])) for reference in drawn])
    if not instances:
        raise InputError(f"{path}: expected at least one instance, found none")
    return Suite(
        path.stem,
        document.description,
        tuple(instances),
        document.time_limit,
        document.memory_limit,
        document.seeds,
        document.algorithms,
    )


def references(name_or_path: str | Path) -> list[Reference]:
    """Instances of a suite that are not stored, without their hashes.

    Raises
    ------
    InputError
        If there is no such suite or it is not valid.
    """
    return [reference for part in _read(_suite_path(name_or_path)).generated for reference in part.references()]


def lock(name_or_path: str | Path) -> None:
    """Generate the instances of a suite that are not stored and write their hashes beside it.

    Raises
    ------
    InputError
        If the suite is not valid or the lock file cannot be written.
    """
    path = _suite_path(name_or_path)
    hashes = {str(reference): reference.generate().instance.sha256 for reference in references(path)}
    if hashes:
        write_document(hashes, _lock_path(path))


def _suite_path(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if text in suite_names():
        return SUITES / f"{text}.toml"
    if isinstance(name_or_path, Path) or text.endswith(".toml") or Path(text).is_file():
        return Path(text)
    raise unknown("suite", text, suite_names())


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.lock.json")


def _read(path: Path) -> _Document:
    try:
        return _Document.model_validate(read_toml(path))
    except ValidationError as error:
        raise explain(error, str(path)) from None


def _read_lock(path: Path) -> dict[str, str]:
    lock_path = _lock_path(path)
    hashes = read_document(lock_path)
    for reference, sha256 in hashes.items():
        if not (isinstance(sha256, str) and len(sha256) == 64):
            raise InputError(f"{lock_path}: field {reference}: expected 64 digits, found {sha256!r:.60}")
    return hashes


def _matches(pattern: str, path: Path) -> list[str]:
    known = library.names()
    if found := [name for name in known if fnmatchcase(name, pattern)]:
        return found
    beside = path.parent / pattern
    if pattern.endswith((".json", ".json.gz")) and beside.is_file():
        return [str(beside)]
    error = unknown("instance", pattern, known)
    raise InputError(f"{path}: field instances: {error}")
