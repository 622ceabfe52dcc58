"""``mecbench list`` and ``mecbench show``: what there is."""

from __future__ import annotations

import importlib.util
from enum import StrEnum
from typing import Annotated, Any

import typer

from mecbench.benchmarks.cli.console import InstanceName, Json, print_fields, print_json, print_table

__all__ = ["verbs"]

verbs = typer.Typer()


class Catalogue(StrEnum):
    """What can be listed."""

    PROBLEMS = "problems"
    SUITES = "suites"
    INSTANCES = "instances"
    ALGORITHMS = "algorithms"


@verbs.command("list", epilog="Example: mecbench list algorithms --problem p-edge")
def list_(
    what: Annotated[Catalogue, typer.Argument(metavar="WHAT", help="problems, suites, instances or algorithms.")],
    problem: Annotated[str | None, typer.Option(metavar="NAME", help="Only what belongs to this problem.")] = None,
    json: Json = False,
) -> None:
    """List the problems, suites, instances or algorithms that there are."""
    from mecbench import problems

    if problem is not None:
        problems.load(problem)
    rows = {
        Catalogue.PROBLEMS: _problems,
        Catalogue.SUITES: _suites,
        Catalogue.INSTANCES: _instances,
        Catalogue.ALGORITHMS: _algorithms,
    }[what](problem)
    if json:
        print_json(rows)
        return
    words = ("problem", "suite", "instance", "algorithm", "title", "sizes", "description", "sees", "kind", "sense", "requires", "missing")
    print_table([{key: _text(value) for key, value in row.items()} for row in rows], left=words, expendable=("version", "requires"))


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)


def _problems(problem: str | None) -> list[dict[str, Any]]:
    from mecbench import problems

    packages = [problems.load(name) for name in problems.names() if problem in (None, name)]
    return [
        {"problem": package.NAME, "title": package.TITLE, "sense": str(package.SENSE), "sizes": list(package.SIZES)} for package in packages
    ]


def _suites(problem: str | None) -> list[dict[str, Any]]:
    from mecbench.instances.library import names
    from mecbench.instances.suites import load_suite, suite_names

    own = set(names(problem))
    rows = []
    for name in suite_names():
        suite = load_suite(name)
        if problem is None or any(instance in own or instance.startswith(f"{problem}/") for instance in suite.instances):
            rows.append(
                {
                    "suite": suite.name,
                    "instances": len(suite.instances),
                    "seeds": suite.seeds,
                    "time_limit": suite.time_limit,
                    "memory_limit": suite.memory_limit,
                    "description": suite.description,
                }
            )
    return rows


def _instances(problem: str | None) -> list[dict[str, Any]]:
    from mecbench import problems
    from mecbench.instances.library import names

    return [{"instance": name, "problem": owner} for owner in problems.names() if problem in (None, owner) for name in names(owner)]


def _algorithms(problem: str | None) -> list[dict[str, Any]]:
    from mecbench.solvers.catalogue import known, resolve

    rows = []
    for name, kind in sorted(known().items()):
        algorithm = resolve(name)
        if problem in (None, algorithm.problem):
            rows.append(
                {
                    "algorithm": name,
                    "kind": algorithm.kind,
                    "sees": algorithm.sees,
                    "version": algorithm.version,
                    "requires": list(algorithm.requires),
                    "missing": [package for package in algorithm.requires if importlib.util.find_spec(package) is None],
                    "description": (kind.__doc__ or "").partition("\n")[0],
                }
            )
    return rows


@verbs.command("show", epilog="Example: mecbench show p-edge-tiny-nsg-0000")
def show(
    instance: InstanceName,
    json: Json = False,
) -> None:
    """Show an instance: its sizes, where it comes from, the best known value and bound, and a picture."""
    from mecbench import problems
    from mecbench.instances.library import best_known, load
    from mecbench.problems.evaluation import gap
    from mecbench.reports.wording import percent, quantity

    stored = load(instance)
    package = problems.load(stored.problem)
    known = best_known(stored.instance)
    objective, bound = (known.objective, known.bound) if known else (None, None)
    sizes, scalars = _sizes(stored.instance)
    result = {
        "instance": stored.name,
        "problem": stored.problem,
        "instance_sha256": stored.instance.sha256,
        "split": stored.split,
        "generator": stored.generator.model_dump(mode="json"),
        "sense": str(package.SENSE),
        "sizes": sizes,
        "parameters": scalars,
        "objective": objective,
        "bound": bound,
        "bound_kind": "none" if bound is None else "certified",
        "gap": gap(objective, bound),
        "provenance": {key: item.model_dump(mode="json") for key, item in known.provenance.items()} if known else {},
    }
    if json:
        print_json(result)
        return
    settled = objective is not None and bound is not None and gap(objective, bound) < 1e-9
    print_fields(
        {
            "instance": f"{stored.name} ({stored.problem}, {package.TITLE})",
            "identity": stored.instance.sha256,
            "origin": f"{stored.generator.name} version {stored.generator.version}, seed {stored.generator.seed}, split {stored.split}",
            "sizes": ", ".join(f"{name} = {length}" for name, length in sizes.items()),
            **{name: quantity(value) for name, value in scalars.items()},
            "status": "optimum known" if settled else "open" if known else "nothing known yet",
            "best known": "-" if objective is None else f"{objective!r} ({package.SENSE})",
            "certified bound": "-" if bound is None else repr(bound),
            "gap": percent(gap(objective, bound)),
        }
    )
    from mecbench.benchmarks.cli.picture import draw

    print()
    print(draw(package.describe(stored.instance)))


def _sizes(instance: Any) -> tuple[dict[str, int], dict[str, float]]:
    """Lengths of an instance's dimensions, and its single numbers."""
    from mecbench.problems.arrays import Array

    sizes: dict[str, int] = {}
    scalars: dict[str, float] = {}
    for name, field in type(instance).model_fields.items():
        value = getattr(instance, name)
        for array in (item for item in field.metadata if isinstance(item, Array)):
            sizes |= {name: size for name, size in zip(array.dimensions, value.shape, strict=True) if not name.isdigit()}
        if isinstance(value, int | float):
            scalars[name] = value
    return sizes, scalars
