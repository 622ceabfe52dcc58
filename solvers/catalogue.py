"""Algorithms found by their names: built-in ones by package, a user's own by its file."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, get_args

import numpy as np
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from mecbench.problems import load
from mecbench.problems import names as problem_names
from mecbench.problems.errors import InputError, unknown
from mecbench.problems.task import rollout
from mecbench.solvers.outcome import Budget, Kind, Outcome, OutcomeError, Sees

__all__ = ["BUILT_IN", "Algorithm", "discover", "installed", "known", "resolve"]

BUILT_IN = ("mecbench.solvers",)
"""Packages of our own that hold algorithms."""


@dataclass(frozen=True)
class Algorithm:
    """A solver or policy with its parameters chosen, ready to run.

    Attributes
    ----------
    text
        Canonical name: what `resolve` reads, with the parameters that differ from their defaults only.
    problem
        Name of the problem it solves.
    kind, sees
        The two labels of a leaderboard row.
    version
        Integer of the algorithm's module, ``"sha256:..."`` of a user's file.
    requires
        Packages it imports beside NumPy, SciPy and Numba.
    headers
        What the checkpoints of a learned algorithm say of their training, plain data; empty for the others.
    """

    text: str
    problem: str
    kind: Kind
    sees: Sees
    version: int | str
    requires: tuple[str, ...]
    _target: Any = field(repr=False)
    headers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, compare=False)

    def prepare(self) -> None:
        """Do what is done once per process, such as compiling, so that it is on no run's clock.

        A policy without a ``prepare`` of its own plays an episode of the smallest size; in place of a user's, of which
        nothing is known, a random one does, so that at least the task is compiled.
        """
        if hasattr(self._target, "prepare"):
            self._target.prepare()
        elif hasattr(self._target, "act"):
            problem = load(self.problem)
            policy = self._target if isinstance(self.version, int) else known()[f"{self.problem}/random"]()
            instance = problem.generate(next(iter(problem.SIZES.values())), 0)
            rollout(problem.Task(**getattr(policy, "task_options", {})), policy, [instance], 0)

    def header(self, instance: Any) -> Mapping[str, Any]:
        """What the checkpoint that is run on an instance says of its training; empty for what was not trained."""
        if hasattr(self._target, "header_for"):
            chosen: Mapping[str, Any] = self._target.header_for(instance)
            return chosen
        return self.headers[0] if self.headers else {}

    def solve(self, instance: Any, budget: Budget, seed: int) -> Outcome:
        """Run on an instance; a policy is rolled out through the problem's task.

        Raises
        ------
        OutcomeError
            If the algorithm gives back anything but a Solution or an Outcome of its problem.
        """
        if hasattr(self._target, "act"):
            return self._act(instance, seed)
        run = self._target.solve if hasattr(self._target, "solve") else self._target
        return self._outcome(run(instance, budget, seed))

    def _act(self, instance: Any, seed: int) -> Outcome:
        task = load(self.problem).Task(**getattr(self._target, "task_options", {}))
        played = rollout(task, self._target, [instance], seed)
        median, tail = np.percentile(played.latencies, (50, 95)).tolist()
        metrics = {"decision_latency_p50": median, "decision_latency_p95": tail}
        return Outcome(played.solutions[0], status="feasible", metrics=metrics)

    def _outcome(self, result: Any) -> Outcome:
        problem = load(self.problem)
        if isinstance(result, problem.Solution):
            return Outcome(result, status="feasible")
        if not isinstance(result, Outcome):
            raise OutcomeError(f"{self.text}: expected a Solution of {self.problem} or an Outcome, found {_type_name(result)}")
        for name, expected in (("solution", problem.Solution), ("certificate", problem.Certificate), ("bound", (int, float, np.number))):
            found = getattr(result, name)
            if found is not None and not isinstance(found, expected):
                what = "a number" if name == "bound" else f"a {name.capitalize()} of {self.problem}"
                raise OutcomeError(f"{self.text}: expected {what} or None as {name} of its Outcome, found {_type_name(found)}")
        return result


@cache
def discover(package: str) -> Mapping[str, type]:
    """Find the algorithms of a package: the members of each module's ``algorithms``.

    An algorithm's problem is its own attribute ``problem``, or else the folder that its module lies in. Modules named
    ``..._compiled`` hold kernels, no algorithms, and are left alone: to import them loads Numba.

    Parameters
    ----------
    package
        Name of a package, e.g. ``"mecbench.solvers"``, or of a single module.

    Returns
    -------
    Mapping
        Classes by ``problem/method``.
    """
    root = importlib.import_module(package)
    below = pkgutil.walk_packages(root.__path__, f"{package}.") if hasattr(root, "__path__") else ()
    found: dict[str, type] = {}
    modules = [info.name for info in below if not info.name.endswith("_compiled")]
    for module in (root, *map(importlib.import_module, modules)):
        for algorithm in getattr(module, "algorithms", ()):
            problem = getattr(algorithm, "problem", None) or module.__name__.split(".")[-2].replace("_", "-")
            name = f"{problem}/{algorithm.name}"
            if found.setdefault(name, algorithm) is not algorithm:
                raise ValueError(f"two algorithms are called {name}: {found[name].__qualname__} and {algorithm.__qualname__}")
    return MappingProxyType(found)


@cache
def installed() -> tuple[str, ...]:
    """Names of packages and modules that other distributions offer in the entry-point group ``mecbench.algorithms``."""
    return tuple(sorted({point.module for point in entry_points(group="mecbench.algorithms")}))


@cache
def known() -> Mapping[str, type]:
    """All algorithms that can be named, built in or installed: classes by ``problem/method``.

    Raises
    ------
    InputError
        If an installed package that offers algorithms cannot be read, or takes a name that is taken.
    """
    found = _merge(BUILT_IN)
    for package in installed():
        try:
            offered = discover(package)
        except Exception as error:  # code of others
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(
                f"installed package {package}, which offers algorithms: expected one that can be imported, "
                f"found {type(error).__name__}: {reason}"
            ) from error
        for name, algorithm in offered.items():
            if found.setdefault(name, algorithm) is not algorithm:
                raise InputError(f"installed package {package}, which offers algorithms: expected a name of its own, found {name}")
    return MappingProxyType(found)


def resolve(text: str, problem: str | None = None, packages: Iterable[str] = BUILT_IN) -> Algorithm:
    """Algorithm of a name.

    Parameters
    ----------
    text
        ``problem/method`` or a user's ``path/file.py:Name``, either followed by ``:parameter=value,...``. In a file,
        `Name` is a function ``f(instance, budget, seed)``, a class with ``solve`` or with ``act`` (a policy), or an
        instance of either. A file imports what is installed, not its neighbours: its own text is its version.
    problem
        Problem that is to be solved; a user's object may state it instead as an attribute ``problem``.
    packages
        Packages to search; installed ones that offer algorithms follow.

    Raises
    ------
    InputError
        If there is no such algorithm, file or parameter, or a parameter has no such value.
    """
    if file := re.match(r"(.+?\.py)(?::|$)([^:]*):?(.*)", text, re.DOTALL):
        return _resolve_file(file[1], file[2], file[3], problem)
    name, _, parameters = text.partition(":")
    classes = _merge(packages)
    if name not in classes:
        classes |= known()
    if name not in classes:
        raise unknown("algorithm", name, classes)
    owner = name.partition("/")[0]
    if problem not in (None, owner):
        raise InputError(f"algorithm {name}: expected an algorithm of problem {problem}, found one of {owner}")
    make = classes[name]
    chosen = _parse(name, make, parameters)
    target = _construct(name, make, chosen)
    return _algorithm(_canonical(name, make, chosen), owner, target, target, target.version)


def _merge(packages: Iterable[str]) -> dict[str, type]:
    return {name: algorithm for package in packages for name, algorithm in discover(package).items()}


def _resolve_file(path: str, name: str, parameters: str, problem: str | None) -> Algorithm:
    title = f"{path}:{name}"
    if not name:
        raise InputError(f"algorithm {path}: expected {path}:Name, the name of a function or class in the file, found no name")
    module, version = _import(path)
    if not hasattr(module, name):
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise unknown(f"algorithm in {path}", name, own)
    make = getattr(module, name)
    chosen = _parse(title, make, parameters)
    source = _construct(title, make, chosen) if inspect.isclass(make) else make
    target = partial(source, **chosen) if inspect.isfunction(source) else source
    _check_interface(title, target)
    stated = getattr(source, "problem", None)
    if problem is not None and stated not in (None, problem):
        raise InputError(f"algorithm {title}: expected an algorithm of problem {problem}, found one of {stated}")
    owner = problem or stated or _imported_problem(module)
    if owner is None:
        raise InputError(
            f"algorithm {title}: expected an attribute problem, one of {', '.join(problem_names())}, "
            "or names imported from one problem's package, found neither"
        )
    if owner not in problem_names():
        raise unknown("problem", str(owner), problem_names())
    return _algorithm(_canonical(title, make, chosen), owner, source, target, version)


def _import(path: str) -> tuple[ModuleType, str]:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"algorithm file {path}: expected a readable Python file, found {error.strerror or error}") from None
    digest = hashlib.sha256(content).hexdigest()
    name = f"mecbench_user_{hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:8]}_{digest[:16]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = path
        sys.modules[name] = module  # dataclasses look their module up while they are made
        try:
            exec(compile(content, path, "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(
                f"algorithm file {path}: expected a module that can be imported, found {type(error).__name__}: {reason}"
            ) from error
    return sys.modules[name], f"sha256:{digest}"


def _imported_problem(module: ModuleType) -> str | None:
    """Problem from whose package alone a file imports."""
    sources = [str(getattr(value, "__module__", None) or getattr(value, "__name__", None)) for value in vars(module).values()]
    folders = {source.split(".")[2] for source in sources if source.startswith("mecbench.problems.")}
    used = {folder.replace("_", "-") for folder in folders} & set(problem_names())
    return used.pop() if len(used) == 1 else None


def _construct(title: str, make: type, chosen: dict[str, Any]) -> Any:
    try:
        return make(**chosen)
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"algorithm {title}: expected a class that can be made, found {type(error).__name__}: {reason}") from error


def _check_interface(title: str, target: Any) -> None:
    if hasattr(target, "act"):
        if not hasattr(target, "reset"):
            raise InputError(f"algorithm {title}: expected a policy to have reset(static, batch, seed) beside act(observation), found none")
        return
    run = getattr(target, "solve", target)
    if not callable(run):
        raise InputError(
            f"algorithm {title}: expected a function f(instance, budget, seed) or an object with solve or act, found {_type_name(target)}"
        )
    try:
        inspect.signature(run).bind(None, None, 0)
    except TypeError:
        raise InputError(f"algorithm {title}: expected to take (instance, budget, seed), found {inspect.signature(run)}") from None


def _algorithm(text: str, problem: str, source: Any, target: Any, version: int | str) -> Algorithm:
    """Put together what runs and the labels that its source states."""
    labels: dict[str, Any] = {"kind": getattr(source, "kind", "heuristic"), "sees": getattr(source, "sees", "clairvoyant")}
    for label, allowed in (("kind", get_args(Kind)), ("sees", get_args(Sees))):
        if labels[label] not in allowed:
            raise InputError(f"algorithm {text}: expected {label} to be one of {', '.join(allowed)}, found {labels[label]!r}")
    requires = getattr(source, "requires", ())
    return Algorithm(
        text,
        problem,
        **labels,
        version=version,
        requires=(requires,) if isinstance(requires, str) else tuple(requires),
        _target=target,
        headers=tuple(getattr(target, "headers", ())),
    )


def _parameters(make: Any) -> dict[str, inspect.Parameter]:
    """Parameters that a name can set: all of a class, the keyword-only ones of a function, none of an object."""
    settable: set[Any] = {inspect.Parameter.KEYWORD_ONLY}
    if inspect.isclass(make):
        settable.add(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    elif not inspect.isfunction(make):
        return {}
    return {name: parameter for name, parameter in inspect.signature(make).parameters.items() if parameter.kind in settable}


def _parse(title: str, make: Any, text: str) -> dict[str, Any]:
    parameters = _parameters(make)
    chosen: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            raise InputError(f"algorithm {title}: expected parameter=value, found {item!r}")
        if name not in parameters:
            raise unknown(f"parameter of {title}", name, parameters)
        if name in chosen:
            raise InputError(f"algorithm {title}: expected parameter {name} once, found it twice")
        chosen[name] = _read(title, parameters[name], value, vars(sys.modules[make.__module__]))
    missing = [name for name, parameter in parameters.items() if parameter.default is parameter.empty and name not in chosen]
    if missing:
        raise InputError(f"algorithm {title}: expected a value of parameter {missing[0]}, since it has no default, found none")
    return chosen


def _read(title: str, parameter: inspect.Parameter, value: str, scope: dict[str, Any]) -> Any:
    expected = parameter.annotation
    if expected is parameter.empty:
        expected = str if parameter.default in (parameter.empty, None) else type(parameter.default)
    try:
        if isinstance(expected, str):  # postponed: only those that are asked for need names that exist at run time
            expected = eval(expected, scope)
        return TypeAdapter(expected).validate_strings(value)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]["msg"]
        finding = finding.replace("Input should be", "expected")
        raise InputError(f"algorithm {title}: parameter {parameter.name}: {finding}, found {value!r}") from None
    except (NameError, PydanticUserError):
        raise InputError(f"algorithm {title}: expected a simple type of parameter {parameter.name}, found {parameter.annotation}") from None


def _canonical(title: str, make: Any, chosen: dict[str, Any]) -> str:
    items = [
        f"{name}={int(chosen[name]) if isinstance(chosen[name], bool) else chosen[name]}"
        for name, parameter in _parameters(make).items()
        if name in chosen and chosen[name] != parameter.default
    ]
    return f"{title}:{','.join(items)}" if items else title


def _type_name(value: Any) -> str:
    return "None" if value is None else f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
