"""``mecbench generate`` and ``mecbench export``: instances as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mecbench.benchmarks.cli.console import InstanceName, Json, counting, expect_place, print_json, print_note

if TYPE_CHECKING:
    from mecbench.problems.p_marl.porto import Traces

__all__ = ["verbs"]

verbs = typer.Typer()


class Format(StrEnum):
    """Formats of solvers."""

    MPS = "mps"
    LP = "lp"
    NL = "nl"
    CIP = "cip"


@verbs.command("generate", epilog="Example: mecbench generate p-edge --size tiny --count 10 --seed 7 --set devices=[4,6] --out instances")
def generate(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="Name of the problem, e.g. p-edge.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made if it is not there.")],
    size: Annotated[str, typer.Option(metavar="SIZE", help="Size, as `mecbench list problems` names them.")],
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="First seed; test < 10,000 <= valid < 20,000 <= train.")] = 0,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Number of instances, with the seeds that follow.")] = 1,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="train, valid, test or shift; by default the one that the seed belongs to.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Parameter of the generator; may be repeated.")
    ] = None,
    porto: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="p-marl: devices follow the taxis of this train.csv (ECML/PKDD 15), plain or gzipped."),
    ] = None,
    json: Json = False,
) -> None:
    """Draw instances and write one file each; the same seed gives the same instance on any machine."""
    from mecbench.instances.files import save_instance
    from mecbench.instances.generation import generate as draw
    from mecbench.problems.errors import InputError

    overrides: dict[str, Any] = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"option --set: expected key=value, found {setting!r}")
        overrides[key] = value
    expect_place(out / "instance.json")
    traces = None if porto is None else _traces(porto, problem, size, overrides, quiet=json)
    rows = []
    with counting("instances", count, quiet=json) as tick:
        for number in range(count):
            stored = draw(problem, size, seed + number, overrides, split=split, traces=traces)  # type: ignore[arg-type]
            path = out / f"{stored.name}.json"
            save_instance(stored, path)
            rows.append(
                {
                    "instance": stored.name,
                    "problem": stored.problem,
                    "split": stored.split,
                    "seed": stored.generator.seed,
                    "instance_sha256": stored.instance.sha256,
                    "path": str(path),
                }
            )
            tick(number + 1)
    if json:
        print_json(rows)
        return
    for row in rows:
        print(row["path"])


def _traces(path: Path, problem: str, size: str, overrides: dict[str, Any], *, quiet: bool) -> Traces:
    """Recorded positions in a square as large as the instances' area."""
    import math

    from mecbench.instances.generation import parameters
    from mecbench.problems.errors import InputError
    from mecbench.problems.p_marl.porto import read

    if problem != "p-marl":
        raise InputError(f"option --porto: expected problem 'p-marl', whose devices move, found {problem!r}")
    traces = read(path, 1000.0 * math.sqrt(parameters(problem, size, overrides).area), progress=not quiet)
    print_note(f"{path}: {traces.report}")
    return traces


@verbs.command("export", epilog="Example: mecbench export p-edge-tiny-nsg-0000 --format mps --out model.mps")
def export(
    instance: InstanceName,
    format: Annotated[Format, typer.Option(metavar="FORMAT", help="mps, lp, nl or cip.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    json: Json = False,
) -> None:
    """Write an instance's mathematical programme for any other solver.

    nl and cip are exact. mps and lp are linear: the cones of P are polyhedra there, and the first line of the file says
    how near they come (a relative 1e-6).
    """
    import importlib

    from mecbench.instances.library import load

    expect_place(out)
    stored = load(instance)
    model = importlib.import_module(f"mecbench.problems.{stored.problem.replace('-', '_')}.model")
    model.export(stored.instance, str(format), out)
    if json:
        print_json({"instance": stored.name, "problem": stored.problem, "format": str(format), "path": str(out)})
    else:
        print(out)
