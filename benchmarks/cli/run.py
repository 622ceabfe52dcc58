"""``mecbench run``: a suite, its algorithms, and a store that can be taken up again."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mecbench.benchmarks.cli.console import Json, counting, finite, print_json, print_note, print_table

if TYPE_CHECKING:
    from mecbench.benchmarks.harness import Summary
    from mecbench.benchmarks.plan import Plan
    from mecbench.benchmarks.record import Record
    from mecbench.instances.suites import Suite

__all__ = ["verbs"]

verbs = typer.Typer()


def _half_of_the_cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


@verbs.command("run", epilog="Example: mecbench run quick --algorithms 'p-edge/*' my_file.py:Mine --out results")
def run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Name of a suite, or a .toml file.")],
    algorithms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN...", help="Patterns as 'p-edge/milp-*', names with parameters, or my_file.py:Name. The suite's by default."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="PATTERN", help="More patterns of --algorithms.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Number of seeds, from 0 on; the suite's by default.")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Runs at the same time; half of the cores by default, so that times are not disturbed."),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.001, callback=finite, metavar="S", help="Wall-clock limit of a run in seconds; the suite's by default."),
    ] = None,
    memory_limit: Annotated[
        int | None, typer.Option(min=1, metavar="MIB", help="Memory limit of a run in MiB; the suite's by default.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the store.")] = Path("results"),
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on the workers of a Dask scheduler, e.g. tcp://127.0.0.1:8786, one run at a time per worker thread (needs "
            "mecbench\\[cluster]).",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and run nothing.")] = False,
    json: Json = False,
) -> None:
    """Run a suite. The same command again does what is missing: finished runs are kept, even after Ctrl-C.

    The exit code is 1 if a run failed or a bound was beaten.
    """
    if cluster is not None and jobs is not None:
        raise typer.BadParameter("expected --jobs or --cluster, found both: the threads of its workers are a cluster's limit")
    from mecbench.benchmarks import harness
    from mecbench.benchmarks.cluster import ClusterExecutor, connect
    from mecbench.benchmarks.selection import Selection, read_instances, select
    from mecbench.benchmarks.store import FILE, Store
    from mecbench.instances.suites import load_suite

    chosen = load_suite(suite)
    with counting("instances", len(chosen.instances), quiet=json) as tick:
        stored = read_instances(chosen, tick)
    selection = Selection(chosen, stored, select(chosen, [*(algorithms or []), *(more or [])], stored))

    def planned(held: frozenset[str]) -> Plan:
        return selection.plan(held, seeds=seeds, time_limit=time_limit, memory_limit=memory_limit)

    jobs = jobs or _half_of_the_cores()
    if dry_run:
        held: frozenset[str] = frozenset()
        if (out / FILE).exists():
            with Store(out, create=False) as store:
                held = store.finished()
        if cluster is not None:
            with connect(cluster) as client:
                jobs = max(1, sum(client.nthreads().values()))
        _print_plan(planned(held), chosen, jobs, json)
        return
    with nullcontext() if cluster is None else connect(cluster) as client, Store(out) as store:
        executor = None if client is None else ClusterExecutor(client, store.add_environment)
        if executor is not None and not json:
            print_note(
                f"{cluster} has {executor.workers} workers with {executor.threads} threads" + ("" if executor.workers else ": waiting")
            )
        job = planned(store.finished())
        if job.held and not json:
            print_note(f"{len(job.held)} of {len(job.held) + len(job.runs)} runs are in {store.path} already")
        with counting(f"runs of {chosen.name}", len(job.held) + len(job.runs), quiet=json) as tick:

            def progress(record: Record, done: int, total: int) -> None:
                tick(done)

            summary = harness.run(job, store, jobs=jobs, executor=executor, progress=progress)
        _print_summary(summary, job, store, out, json)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _print_plan(job: Plan, suite: Suite, jobs: int, json: bool) -> None:
    from mecbench.reports.wording import seconds

    worst = sum(spec.time_limit for spec in job.runs) / jobs
    if json:
        print_json(
            {
                "suite": suite.name,
                "instances": len(suite.instances),
                "planned": len(job.runs) + len(job.held),
                "held": len(job.held),
                "worst_case_seconds": worst,
                "runs": [
                    {
                        "instance": spec.instance,
                        "instance_sha256": spec.instance_sha256,
                        "algorithm": spec.algorithm,
                        "seed": spec.seed,
                        "time_limit": spec.time_limit,
                        "memory_limit": spec.memory_limit,
                    }
                    for spec in job.runs
                ],
            }
        )
        return
    counts: dict[str, int] = {}
    for spec in job.runs:
        counts[spec.algorithm] = counts.get(spec.algorithm, 0) + 1
    print_table([{"algorithm": name, "runs to do": str(count)} for name, count in counts.items()], left=("algorithm",))
    print(
        f"{suite.name}: {len(job.runs)} runs to do on {len(suite.instances)} instances, {len(job.held)} done before; "
        f"at most {seconds(worst)} with {jobs} at a time, if every run took its whole limit."
    )


def _print_summary(summary: Summary, job: Plan, store: Any, out: Path, json: bool) -> None:
    from mecbench.benchmarks.cli.results import board_of, print_board, print_failures
    from mecbench.benchmarks.frame import to_frame

    keys = {*job.held, *(spec.key for spec in job.runs)}
    frame = to_frame(store)
    scored, board = board_of(frame[frame["key"].isin(keys)])
    failed = scored[scored["key"].isin(summary.failed)]
    if json:
        print_json(
            {
                "store": store.path,
                "planned": summary.planned,
                "done": summary.done,
                "statuses": summary.statuses,
                "failed": failed[["instance", "algorithm", "seed", "status", "message"]].to_dict("records"),
                "contradictions": [
                    {name: getattr(item, name) for name in ("instance", "algorithm", "bound", "bound_kind", "witness", "objective")}
                    for item in summary.contradictions
                ],
                "interrupted": summary.interrupted,
                "leaderboard": board.to_dict("records"),
            }
        )
        return
    print_board(scored, board)
    print_failures(failed)
    for item in summary.contradictions:
        print(f"bound beaten: {item.algorithm} claims {item.bound!r} on {item.instance}, {item.witness} has {item.objective!r}")
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items(), key=lambda item: -item[1]))
    print(f"{summary.done} of {summary.planned} runs done: {counts or 'none'}")
    print(f"store: {store.path}")
    if summary.interrupted:
        print("next:  the same command again, to do the rest")
    else:
        print(f"next:  mecbench report {out} --out site")
