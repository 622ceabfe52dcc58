"""``mecbench solve``: one algorithm on one instance, under the same limits and the same judge as in ``mecbench run``."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mecbench.benchmarks.cli.console import InstanceName, Json, counting, expect_place, finite, print_fields, print_json, print_note

if TYPE_CHECKING:
    from mecbench.benchmarks.plan import RunSpec
    from mecbench.benchmarks.record import Record

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command("solve", epilog="Example: mecbench solve p-edge-tiny-nsg-0000 --with p-edge/threshold --out solution.json")
def solve(
    instance: InstanceName,
    algorithm: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="NAME", help="problem/method, problem/method:parameter=value,... or my_file.py:Name; problem/auto by default."
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(min=0.001, callback=finite, metavar="S", help="Wall-clock limit in seconds; a run beyond it is killed.")
    ] = 60.0,
    memory_limit: Annotated[
        int | None, typer.Option(min=1, metavar="MIB", help="Memory limit in MiB of the run with all its processes.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads that the algorithm may use.")] = 1,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the algorithm's own randomness.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File for the solution.")] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="File for the certificate of the bound.")] = None,
    json: Json = False,
) -> None:
    """Solve an instance in a process of its own, and let the evaluator say what the solution is worth.

    The exit code is 1 if there is no feasible solution, a claim is refuted or a file that was asked for has no content.
    """
    from mecbench.benchmarks.plan import plan
    from mecbench.instances.library import best_known, load
    from mecbench.problems.evaluation import excess, gap
    from mecbench.solvers.catalogue import resolve

    for path in (out, certificate):
        if path is not None:
            expect_place(path)
    stored = load(instance)
    chosen = resolve(algorithm or f"{stored.problem}/auto", stored.problem)
    known = best_known(stored.instance)
    (spec,) = plan(
        [stored],
        [chosen],
        seeds=[seed],
        time_limit=time_limit,
        memory_limit=memory_limit,
        threads=threads,
        references={stored.instance.sha256: known.objective} if known and known.objective is not None else {},
    ).runs
    record = _run(spec, quiet=json)

    # A certified bound of the library says more than a solver's word or nothing.
    bound, bound_kind, source = record.bound, str(record.bound_kind), "run"
    if bound_kind != "certified" and known and known.bound is not None:
        bound, bound_kind, source = known.bound, "certified", "library"
    result = record.to_json() | {
        "bound": bound,
        "bound_kind": bound_kind,
        "bound_source": None if bound is None else source,
        "gap": gap(record.counted, bound),
        "excess": excess(record.counted, bound),
    }
    written = _save(record, stored.instance, out, certificate)
    if json:
        print_json(result)
    else:
        _print(record, result)
        for path in written:
            print(f"written: {path}")
    if not record.feasible or record.status == "wrong-claim" or len(written) < sum(path is not None for path in (out, certificate)):
        raise typer.Exit(1)


def _run(spec: RunSpec, quiet: bool) -> Record:
    from mecbench.benchmarks.isolation.pool import Pool
    from mecbench.benchmarks.run import run

    # The pool is left first, after Ctrl-C too: that kills the run, which ends the thread.
    with (
        counting(f"{spec.algorithm} [s]", spec.time_limit, quiet=quiet) as tick,
        ThreadPoolExecutor(1) as thread,
        Pool() as pool,
    ):
        started = time.monotonic()
        future = thread.submit(run, spec, pool)
        while not wait([future], timeout=0.2).done:
            tick(min(time.monotonic() - started, spec.time_limit))
        return future.result()


def _save(record: Record, instance: Any, out: Path | None, certificate: Path | None) -> list[Path]:
    """Write what was asked for and is there; return the paths written."""
    from mecbench import problems
    from mecbench.instances.files import save_certificate, save_solution

    package = problems.load(instance.problem)
    written = []
    if out is not None and record.solution is not None:
        save_solution(package.Solution.model_validate(record.solution), instance, out)
        written.append(out)
    elif out is not None:
        print_note(f"{out}: not written, since {record.algorithm} found no solution")
    if certificate is not None and record.certificate is not None:
        save_certificate(package.Certificate.model_validate(record.certificate), instance, certificate)
        written.append(certificate)
    elif certificate is not None:
        print_note(f"{certificate}: not written, since {record.algorithm} gave no certificate that holds")
    return written


def _print(record: Record, result: dict[str, Any]) -> None:
    from mecbench.reports.wording import percent, quantity, seconds

    broken = {name: item["relative"] for name, item in record.violations.items() if item["relative"] > 0}
    source = {"run": "", "library": ", from the library", None: ""}[result["bound_source"]]
    print_fields(
        {
            "instance": f"{record.instance} ({record.problem})",
            "algorithm": f"{record.algorithm} ({record.kind}, sees {record.sees})",
            "status": f"{record.status}: {record.message}" if record.message else record.status,
            "objective": "-" if record.objective is None else f"{record.objective!r} ({record.sense})",
            **({"violations": ", ".join(f"{name} {quantity(value)}" for name, value in broken.items())} if broken else {}),
            "bound": "-" if result["bound"] is None else f"{result['bound']!r} ({result['bound_kind']}{source})",
            "gap": "-" if result["bound"] is None else percent(result["gap"]),
            "time": f"{seconds(record.wall_seconds)} ({seconds(record.cpu_seconds)} of processor time)",
            "memory": f"{record.peak_memory_mib:.0f} MiB",
        }
    )
    if record.status == "crash" and record.log_tail:
        print_note(f"\nthe last of what it printed:\n{record.log_tail[-2000:].rstrip()}")
