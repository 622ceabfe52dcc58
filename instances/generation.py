"""Instances on demand: by problem, size, seed and whatever parameters differ from the size's.

A *reference* is such an instance as a text, ``p-edge/tiny:family=random-cuts,seed=7``; it may end with
``sha256=...``, sixteen or more digits of the hash that the instance must have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mecbench import problems
from mecbench.instances.files import Generator, StoredInstance
from mecbench.problems.draws import SPLITS, Split, split_of
from mecbench.problems.errors import InputError, explain, unknown

if TYPE_CHECKING:
    from mecbench.problems.p_marl.porto import Traces

__all__ = ["Reference", "generate", "parameters"]

HASH_DIGITS = 16
FIRST_FREE_SEED = 20_000  # from here on a seed may serve any split
FORM = "PROBLEM/SIZE:[PARAMETER=VALUE,...]seed=N[,sha256=DIGITS]"


def parameters(problem: str, size: str, overrides: Mapping[str, Any] | None = None) -> Any:
    """Parameters of a size with some of them replaced.

    Parameters
    ----------
    problem, size
        Names on the command line.
    overrides
        Values by field; a text is read as JSON where it is JSON, as ``[4,8]`` or ``0.5``.

    Raises
    ------
    InputError
        If problem, size or field is unknown or a value is not allowed.
    """
    package = problems.load(problem)
    if size not in package.SIZES:
        raise unknown(f"{problem} size", size, package.SIZES)
    values = {key: _read(value) if isinstance(value, str) else value for key, value in (overrides or {}).items()}
    for key in values:
        if key not in package.Parameters.model_fields:
            raise unknown(f"{problem} parameter", key, package.Parameters.model_fields)
    try:
        return package.Parameters.model_validate(package.SIZES[size].model_dump() | values)
    except ValidationError as error:
        raise explain(error, f"{problem} parameters") from None


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def generate(
    problem: str,
    size: str,
    seed: int,
    overrides: Mapping[str, Any] | None = None,
    split: Split | None = None,
    name: str | None = None,
    traces: Traces | None = None,
) -> StoredInstance:
    """Draw an instance.

    Parameters
    ----------
    problem, size
        Names on the command line.
    seed
        Decides the split: test < 10,000 <= valid < 20,000 <= train.
    overrides
        Parameters that differ from the size's, see `parameters`.
    split
        The seed's own by default; ``shift``, or any split for a seed from 20,000 on.
    name
        Made of size, overrides and seed by default.
    traces
        Recorded traces, which the devices of P-MARL then follow.

    Raises
    ------
    InputError
        If a name is unknown, a value is not allowed, the seed belongs to another split or the problem has no use for traces.
    """
    if traces is not None and problem != "p-marl":
        raise InputError(f"recorded traces: expected problem 'p-marl', whose devices move, found {problem!r}")
    chosen = parameters(problem, size, overrides)
    if seed < 0:
        raise InputError(f"expected a seed of at least 0, found {seed}")
    if split is not None and split not in SPLITS:
        raise unknown("split", split, SPLITS)
    own = split_of(seed)
    if split not in (None, own, "shift") and seed < FIRST_FREE_SEED:
        raise InputError(f"expected a seed of split {split!r} (test < 10000 <= valid < 20000 <= train), found {seed}")
    package, values = problems.load(problem), chosen.model_dump(mode="json")
    if traces is None:
        generator, source = Generator(name=problem, version=package.GENERATOR_VERSION, parameters=values, seed=seed), []
        instance = package.generate(chosen, seed)
    else:
        from mecbench.problems.p_marl import porto

        generator, source = Generator(name=f"{problem}/porto", version=porto.GENERATOR_VERSION, parameters=values, seed=seed), ["porto"]
        instance = porto.generate(traces, chosen, seed)
    name = name or "-".join([problem, size, *source, *map(_file_name, _settings(overrides)), f"{seed:04d}"])
    return StoredInstance(problem, name, instance, split or own, generator)


def _settings(overrides: Mapping[str, Any] | None) -> list[str]:
    return [f"{key}={_write(value)}" for key, value in sorted((overrides or {}).items())]


def _file_name(setting: str) -> str:
    return re.sub(r"[^\w.=-]+", "-", re.sub(r"[\[\]{}\"' ]", "", setting))


def _write(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True)
class Reference:
    """An instance to be generated, and the hash that it must have.

    Attributes
    ----------
    problem, size, seed, overrides
        As for `generate`.
    sha256
        First digits of the expected hash; empty where any is accepted.
    """

    problem: str
    size: str
    seed: int
    overrides: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference.

        Raises
        ------
        InputError
            If the text has another form.
        """
        head, _, tail = text.partition(":")
        problem, _, size = head.partition("/")
        # A comma inside a value, as in devices=[4,8], is not followed by a key.
        settings = dict(part.partition("=")[::2] for part in re.split(r",(?=\w+=)", tail) if part)
        seed, sha256 = settings.pop("seed", ""), settings.pop("sha256", "")
        if not (problem and size and re.fullmatch(r"\d{1,18}", seed) and re.fullmatch(rf"([0-9a-f]{{{HASH_DIGITS},64}})?", sha256)):
            raise InputError(f"expected a reference to a generated instance of the form {FORM}, found {text!r}")
        return cls(problem, size, int(seed), settings, sha256)

    def __str__(self) -> str:
        settings = [*_settings(self.overrides), f"seed={self.seed}"]
        return f"{self.problem}/{self.size}:" + ",".join(settings + ([f"sha256={self.sha256}"] if self.sha256 else []))

    def locked(self, sha256: str) -> Reference:
        """Return the same reference, bound to a hash."""
        return replace(self, sha256=sha256[:HASH_DIGITS])

    def generate(self) -> StoredInstance:
        """Draw the instance and check its hash.

        Raises
        ------
        InputError
            If it cannot be drawn or is not the one that was meant.
        """
        stored = generate(self.problem, self.size, self.seed, self.overrides)
        found = stored.instance.sha256
        if not found.startswith(self.sha256):
            raise InputError(f"{self}: expected a generated instance of that hash, found {found}: it was stored by another generator")
        return stored
