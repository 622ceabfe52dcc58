"""``mecbench train``: a learned algorithm, with its learning curve as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mecbench.benchmarks.cli.console import Json, counting, expect_place, print_fields, print_json, print_note

if TYPE_CHECKING:
    from mecbench.rl.training import Point, Trainable

__all__ = ["verbs"]

verbs = typer.Typer()

BARS = "▁▂▃▄▅▆▇█"


@verbs.command(
    "train", epilog="Example: mecbench train p-edge/ppo --size small --seed 0 --out my-agent (needs pip install 'mecbench\\[rl]')"
)
def train(
    algorithm: Annotated[str, typer.Argument(metavar="ALGORITHM", help="Name of a learned algorithm, e.g. p-edge/ppo.")],
    size: Annotated[str, typer.Option(metavar="SIZE", help="Size to train for, as `mecbench list problems` names them.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for checkpoint.npz, curve.csv and training.json.")],
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, metavar="N", help="Seed of the run: same seed, same weights.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Hyper-parameter, as transitions=100000; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Train a learned algorithm on the train split; the validation split chooses among its checkpoints."""
    import time

    from mecbench.problems.errors import InputError
    from mecbench.reports.wording import percent, seconds
    from mecbench.rl.training import CHECKPOINT, CURVE, expect_packages, hyperparameters
    from mecbench.solvers.catalogue import known

    trainable: dict[str, type[Trainable]] = {name: kind for name, kind in known().items() if hasattr(kind, "train")}
    if algorithm not in trainable:
        raise InputError(f"algorithm {algorithm}: expected one that can be trained, one of {', '.join(sorted(trainable))}")
    chosen: dict[str, str] = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"option --set: expected key=value, found {setting!r}")
        chosen[key] = value
    kind = trainable[algorithm]
    tuned = hyperparameters(algorithm, kind.settings, chosen)
    expect_place(out / CHECKPOINT)
    expect_packages(algorithm)
    gaps: list[float] = []
    started = time.perf_counter()
    with counting("transitions", tuned.transitions, quiet=json) as tick:

        def progress(done: int, point: Point | None = None) -> None:
            tick(min(done, tuned.transitions))
            if point is None or json:
                return
            gaps.append(point.validation_gap)
            left = (time.perf_counter() - started) * max(0.0, tuned.transitions / done - 1) if done else float("nan")
            print_note(
                f"{done:>9,} of {tuned.transitions:,} transitions, {seconds(left)} left, "
                f"validation gap {percent(point.validation_gap)}, best {percent(min(gaps))}"
            )

        checkpoint = kind.train(size, seed, out, tuned, progress)
    header = checkpoint.header | {"checkpoint": str(out / CHECKPOINT), "curve": str(out / CURVE)}
    if json:
        print_json(header)
        return
    print_fields(
        {
            "curve": f"{_sparkline(gaps)}  {percent(gaps[0])} to {percent(min(gaps))} validation gap ({out / CURVE})",
            "chosen": f"the weights after {header['chosen_at_transitions']:,} of {header['transitions']:,} transitions",
            "trained": seconds(header["training_seconds"]),
            "checkpoint": header["checkpoint"],
            "next": f"mecbench run quick --algorithms {algorithm}:checkpoint={out / CHECKPOINT} --out results",
        }
    )


def _sparkline(values: list[float]) -> str:
    low, high = min(values), max(values)
    return "".join(BARS[round((len(BARS) - 1) * (value - low) / ((high - low) or 1.0))] for value in values)
