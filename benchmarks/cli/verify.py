"""``mecbench verify``: what the evaluator says of a solution that anybody found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mecbench.benchmarks.cli.console import InstanceName, Json, print_fields, print_json, print_table

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command("verify", epilog="Example: mecbench verify p-edge-tiny-nsg-0000 solution.json --certificate certificate.json")
def verify(
    instance: InstanceName,
    solution: Annotated[str, typer.Argument(metavar="SOLUTION", help="Solution file.")],
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate of a bound; the library's best known bound by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate a solution without any solver: objective, every violation, bound and gap.

    The exit code is 1 if the solution is infeasible, or a bound is refuted.
    """
    from mecbench import problems
    from mecbench.instances.files import load_certificate, load_solution
    from mecbench.instances.library import best_known, load
    from mecbench.problems.evaluation import CertificateError, Regret, beats, excess, gap
    from mecbench.reports.wording import percent, quantity

    stored = load(instance)
    package = problems.load(stored.problem)
    evaluation = package.evaluate(stored.instance, load_solution(solution, stored.instance))
    bound: float | None = None
    regret: Regret | None = None
    refuted = ""
    if certificate is not None:
        claim = load_certificate(certificate, stored.instance)
        try:
            bound = package.bound(stored.instance, claim)
            regret = package.regret(stored.instance, claim) if hasattr(package, "regret") else None
        except CertificateError as error:
            refuted = str(error)
    elif known := best_known(stored.instance):
        bound, regret = known.bound, known.regret
    if bound is not None and evaluation.feasible and beats(evaluation.objective, bound, package.SENSE):
        refuted = f"the feasible objective {evaluation.objective!r} beats the bound {bound!r}"
    counted = evaluation.objective if evaluation.feasible else None
    relative = {name: item.relative for name, item in evaluation.violations.items()}
    regretted = regret.of(evaluation.objective, evaluation.metrics, relative) if regret else None
    result = {
        "instance": stored.name,
        "instance_sha256": stored.instance.sha256,
        "problem": stored.problem,
        "sense": str(package.SENSE),
        "objective": evaluation.objective,
        "terms": evaluation.terms,
        "feasible": evaluation.feasible,
        "tolerance": evaluation.tolerance,
        "violations": {name: {"absolute": item.absolute, "relative": item.relative} for name, item in evaluation.violations.items()},
        "bound": bound,
        "bound_kind": "none" if bound is None else "certified",
        "gap": gap(counted, bound),
        "excess": excess(counted, bound),
        "regret": regretted,
        "refuted": refuted or None,
        "metrics": evaluation.metrics,
    }
    if json:
        print_json(result)
    else:
        print_fields(
            {
                "instance": f"{stored.name} ({stored.problem})",
                "objective": f"{evaluation.objective!r} ({package.SENSE})",
                "verdict": "feasible" if evaluation.feasible else "infeasible",
                "bound": "-" if bound is None else f"{bound!r} (certified{'' if certificate else ', from the library'})",
                "gap": percent(gap(counted, bound)) if bound is not None else "-",
                "excess": percent(excess(counted, bound)) if bound is not None else "-",
                **({} if regretted is None else {"regret": f"{percent(regretted)} of the bound, the missed limit at its price"}),
                **({"refuted": refuted} if refuted else {}),
            }
        )
        print_table(
            [
                {
                    "constraints": name,
                    "absolute violation": quantity(item.absolute),
                    "relative": quantity(item.relative),
                    "verdict": "holds" if item.relative <= evaluation.tolerance else "violated",
                }
                for name, item in evaluation.violations.items()
            ],
            left=("constraints", "verdict"),
        )
    if refuted or not evaluation.feasible:
        raise typer.Exit(1)
