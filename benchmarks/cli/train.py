"""``mecbench train``: a learned algorithm, one seed or several side by side, with learning curves as they go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mecbench.benchmarks.cli.console import Json, expect_place, print_fields, print_json, print_note, print_table

if TYPE_CHECKING:
    from mecbench.rl.trainables import Trainable
    from mecbench.rl.training import Run

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command(
    "train", epilog="Example: mecbench train p-edge/ppo --size small --seed 0 --out my-agent (needs pip install 'mecbench\\[rl]')"
)
def train(
    algorithm: Annotated[str, typer.Argument(metavar="ALGORITHM", help="Name of a learned algorithm, e.g. p-edge/ppo.")],
    size: Annotated[str, typer.Option(metavar="SIZE", help="Size to train for, as `mecbench list problems` names them.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for checkpoint.npz, curve.csv, training.json and state.pt; one in it per seed.")
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, metavar="N", help="Seed of the run: same seed, same weights.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Train with this many seeds, --seed and those after it.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Seeds at a time, each in a process with one thread.")] = 1,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="Hyper-parameters to begin with: default, or as the agent names them.")
    ] = "default",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Hyper-parameter, as transitions=100000; may be repeated.")
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, or cuda for the agents that can.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same command was interrupted, to the result that it would have had.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a learned algorithm on the train split; the validation split chooses among its checkpoints."""
    from mecbench.benchmarks.cli.curves import Watched, watching
    from mecbench.benchmarks.training import Failed, side_by_side
    from mecbench.benchmarks.training import train as train_one
    from mecbench.problems.errors import InputError
    from mecbench.rl.trainables import expect_device, expect_packages, hyperparameters
    from mecbench.rl.training import CHECKPOINT, Run
    from mecbench.solvers.catalogue import known

    trainable: dict[str, type[Trainable]] = {name: kind for name, kind in known().items() if hasattr(kind, "train")}
    if algorithm not in trainable:
        raise InputError(f"algorithm {algorithm}: expected one that can be trained, one of {', '.join(sorted(trainable))}")
    kind = trainable[algorithm]
    tuned = hyperparameters(algorithm, kind.presets, preset, _chosen(settings or []))
    expect_place(out / CHECKPOINT)
    expect_packages(algorithm)
    expect_device(algorithm, kind.devices, device)
    folders = {number: out / f"seed-{number}" if seeds > 1 else out for number in range(seed, seed + seeds)}
    runs = [Run(size, number, folder, tuned, preset, device) for number, folder in folders.items()]
    runs = _resumed(runs, out) if resume else _fresh(runs)
    watched = [Watched(f"seed {run.seed}" if seeds > 1 else "", tuned.transitions) for run in runs]
    with watching(watched, quiet=json) as progress:
        if seeds == 1:
            told = replace(runs[0], progress=lambda done, point=None: progress(0, done, point))
            results: Sequence[dict[str, Any] | Failed] = [train_one(kind, told)]
        else:
            results = side_by_side(kind, runs, jobs, progress)
    headers = [header | _files(run) for run, header in zip(runs, results, strict=True) if not isinstance(header, Failed)]
    failed = {run.seed: str(result) for run, result in zip(runs, results, strict=True) if isinstance(result, Failed)}
    if json:
        print_json(headers[0] if seeds == 1 else {"runs": headers, "failed": failed})
    elif headers:
        _print_result(algorithm, headers)
    for number, reason in failed.items():
        print_note(f"seed {number} is not trained: {reason}")
    if failed:
        raise typer.Exit(1)


def _chosen(settings: Sequence[str]) -> dict[str, str]:
    from mecbench.problems.errors import InputError

    chosen: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"option --set: expected key=value, found {setting!r}")
        chosen[key] = value
    return chosen


def _fresh(runs: Sequence[Run]) -> list[Run]:
    from mecbench.rl.training import expect_fresh

    for run in runs:
        expect_fresh(run.out)
    return list(runs)


def _resumed(runs: Sequence[Run], out: Path) -> list[Run]:
    """Runs that go on where they have a state; of several, those that had not begun begin."""
    from mecbench.problems.errors import InputError
    from mecbench.rl.training import STATE

    begun = [replace(run, resume=(run.out / STATE).exists()) for run in runs]
    if not any(run.resume for run in begun):
        where = out / STATE if len(runs) == 1 else out / "seed-*" / STATE
        raise InputError(f"{where}: expected the state of an interrupted training run, which --resume goes on with, found none")
    return begun


def _files(run: Run) -> dict[str, str]:
    from mecbench.rl.training import CHECKPOINT, CURVE

    return {"checkpoint": str(run.out / CHECKPOINT), "curve_file": str(run.out / CURVE)}


def _print_result(algorithm: str, headers: Sequence[dict[str, Any]]) -> None:
    from mecbench.benchmarks.cli.curves import sparkline
    from mecbench.reports.wording import quantity, seconds
    from mecbench.rl.training import rank

    def figure(value: float | None) -> str:
        return quantity(math.nan if value is None else float(f"{value:.4g}"))

    def key(header: dict[str, Any]) -> float:
        return rank(*(header[name] for name in ("validation_score", "validation_cost", "cost_limit", "excess_price")))

    best = min(headers, key=key)
    if len(headers) > 1:
        limit = "" if best["cost_limit"] is None else f" (limit {figure(best['cost_limit'])})"
        rows = [
            {
                "seed": str(header["seed"]),
                "validation": figure(header["validation_score"]),
                f"cost{limit}": figure(header["validation_cost"]),
                "chosen after": f"{header['chosen_at_transitions']:,}",
                "trained": seconds(header["training_seconds"]),
            }
            for header in headers
        ]
        print_table(rows, title=f"{algorithm}, {best['transitions']:,} transitions each; validation: {best['validation']}")
    scores = [math.nan if score is None else score for score in best["curve"]["validation_score"]]
    cost = f", cost {figure(best['validation_cost'])} (limit {figure(best['cost_limit'])})" if best["cost_limit"] is not None else ""
    print_fields(
        {
            "curve": f"{sparkline(scores)}  {figure(scores[0])} to {figure(best['validation_score'])}, {best['validation']}{cost}",
            "chosen": f"the weights after {best['chosen_at_transitions']:,} of {best['transitions']:,} transitions"
            + (f" of seed {best['seed']}" if len(headers) > 1 else ""),
            "trained": f"{seconds(best['training_seconds'])} ({seconds(best['training_cpu_seconds'])} of a processor)",
            "checkpoint": best["checkpoint"],
            "next": f"mecbench run quick --algorithms {algorithm}:checkpoint={best['checkpoint']} --out results",
        }
    )
