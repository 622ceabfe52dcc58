"""The mathematical programme of P: one mixed-integer conic model, its outer approximations, and files of them.

A request at server j and cut z takes ``A / B_r + W / f_r``. With the share b = B_r / B_j of the band, the root
s = sqrt(A / B_j) of the time that the whole band takes, and one binary y per option, that is a rotated cone

    t b >= s^2,   s = sum_z sqrt(A_z / B_j) y_z,   0 <= b <= sum_z y_z,   sum_k b <= 1,

exact where at most one y is 1. The upper limit of b makes it the perspective of the split, the strongest convex
relaxation of a single request. Uploads, which cost energy, and the server's computation have cones of the same form.
A solver library is imported only by the function that needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import Options, of_trace
from mecbench.problems.p.solution import Solution

__all__ = [
    "CONES",
    "Cone",
    "Format",
    "Programme",
    "Tangent",
    "add_tangents",
    "conic",
    "export",
    "fix",
    "initial_tangents",
    "lifted",
    "linear",
    "read",
    "roots",
    "scip",
    "split_tangents",
    "violated_slopes",
    "violated_tangents",
]

Format = Literal["mps", "lp", "nl", "cip"]
Cone = Literal["transfer", "upload", "compute"]
CONES: tuple[Cone, ...] = ("transfer", "upload", "compute")  # A / B_r, U / B_r and W / f_r

MEBIBYTE = 2.0**20  # unit of storage, which keeps coefficients within a few decades
STAGES = 16  # of rotations by which a cone is approximated
ROOT_TOLERANCE = 1e-7  # root of a time below which nothing is taken to be sent or computed
STEEPEST = 1e4  # slope of a tangent [s^(1/2)]: its square is a coefficient, and nobody gets along with less than a share of 1e-4
TYPICAL_SHARE = 0.25  # at which a lifted cone is scaled to be round
NOTE = (
    "P as a mixed-integer linear programme: each cone is a lifted polyhedron around it, relative error of a time below 1e-6 at shares "
    "above 1 %; the optimum lies below the exact one by less than that. Variables: deployed[n,i,j], failed[t,k], chosen[t,k,j,z]."
)


class Tangent(NamedTuple):
    """One plane that supports a cone: ``t >= 2 slope s - slope^2 b``, valid for every slope >= 0, tight where slope = s / b."""

    cone: Cone
    slot: int
    user: int
    server: int
    slope: float


class Programme(NamedTuple):
    """A Pyomo model of an instance.

    Attributes
    ----------
    model
        ConcreteModel with binaries ``deployed[n, i, j]``, ``failed[t, k]`` and ``chosen[t, k, j, z]``, and for each
        request and server ``time[cone, t, k, j]`` [s], ``root[cone, t, k, j]`` [s^(1/2)], ``band[t, k, j]`` and
        ``flops[t, k, j]``, its shares of the server's whole.
    instance, options
        What it is a model of.
    """

    model: Any
    instance: Instance
    options: Options

    def share(self, cone: Cone, t: int, k: int, j: int) -> Any:
        """The variable that divides the squared root of a cone."""
        return (self.model.flops if cone == "compute" else self.model.band)[t, k, j]


def roots(instance: Instance, options: Options) -> dict[Cone, np.ndarray]:
    """Square roots of the times that each option takes with the whole band or server [s^(1/2)], shape [S, K, J, Z] each."""
    uplink, downlink = (options.uplink.swapaxes(1, 2)[..., None], options.downlink.swapaxes(1, 2)[..., None])
    upload = options.upload[:, :, None] / uplink
    band, flops = instance.bandwidth[:, None], instance.server_flops[:, None]
    return {
        "transfer": np.sqrt((upload + options.download[:, :, None] / downlink) / band),
        "upload": np.sqrt(upload / band),
        "compute": np.sqrt(options.work[:, :, None] / flops),
    }


def _frame(instance: Instance) -> Programme:
    """All but the cones."""
    import pyomo.environ as pyo

    options = of_trace(instance)
    slots, users, servers, requests = instance.slots, instance.users, instance.servers, instance.requests
    root = {cone: values.tolist() for cone, values in roots(instance, options).items()}
    cost, delay, cuts = options.cost.tolist(), options.delay.tolist(), options.cuts.tolist()
    watts = (instance.energy_weight * instance.user_watts).tolist()
    pairs = [(t, k, j) for t in range(slots) for k in range(users) for j in range(servers)]
    service, failure = instance.service.tolist(), options.failure.tolist()

    model = pyo.ConcreteModel("p")
    model.pairs = pyo.Set(initialize=pairs, dimen=3)
    model.requests = pyo.Set(initialize=[(t, k) for t in range(slots) for k in range(users)], dimen=2)
    model.places = pyo.Set(initialize=[(t, j) for t in range(slots) for j in range(servers)], dimen=2)
    cones = [(cone, *pair) for cone in CONES for pair in pairs if any(root[cone][pair[0]][pair[1]][pair[2]])]
    model.cones = pyo.Set(initialize=cones, dimen=4)
    model.deployed = pyo.Var(range(instance.intervals), range(instance.services), range(servers), domain=pyo.Binary)
    model.failed = pyo.Var(model.requests, domain=pyo.Binary)
    model.chosen = pyo.Var([(t, k, j, z) for t, k, j in pairs for z in range(cuts[t][k] + 1)], domain=pyo.Binary)
    model.band = pyo.Var(model.pairs, bounds=(0.0, 1.0))
    model.flops = pyo.Var(model.pairs, bounds=(0.0, 1.0))
    model.time = pyo.Var(model.cones, bounds=(0.0, requests * instance.delay_limit))  # C8 allows no more
    model.root = pyo.Var(model.cones, domain=pyo.NonNegativeReals)
    model.served = pyo.Expression(model.pairs, rule=lambda m, t, k, j: pyo.quicksum(m.chosen[t, k, j, z] for z in range(cuts[t][k] + 1)))

    def power(t: int, k: int, j: int) -> Any:
        return watts[k] * model.time["upload", t, k, j] if ("upload", t, k, j) in model.cones else 0.0

    costs = pyo.quicksum(cost[t][k][z] * variable for (t, k, _, z), variable in model.chosen.items())
    costs += pyo.quicksum(power(*pair) for pair in pairs)
    costs += pyo.quicksum(failure[t][k] * variable for (t, k), variable in model.failed.items())
    model.objective = pyo.Objective(expr=costs / requests, sense=pyo.minimize)

    times = pyo.quicksum(delay[t][k][z] * variable for (t, k, _, z), variable in model.chosen.items())
    times += pyo.quicksum(variable for (cone, *_), variable in model.time.items() if cone != "upload")
    times += instance.failure_delay * pyo.quicksum(model.failed.values())
    model.delay = pyo.Constraint(expr=times / requests <= instance.delay_limit)

    model.one = pyo.Constraint(
        model.requests,
        rule=lambda m, t, k: pyo.quicksum(m.served[t, k, j] for j in range(servers)) + m.failed[t, k] == 1,
    )
    model.hit = pyo.Constraint(
        model.pairs, rule=lambda m, t, k, j: m.served[t, k, j] <= m.deployed[t // instance.interval, service[t][k], j]
    )
    model.miss = pyo.Constraint(
        model.requests,
        rule=lambda m, t, k: (
            m.failed[t, k] <= servers - pyo.quicksum(m.deployed[t // instance.interval, service[t][k], j] for j in range(servers))
        ),
    )
    sizes, storage = (instance.service_bytes / MEBIBYTE).tolist(), (instance.storage / MEBIBYTE).tolist()
    model.storage = pyo.Constraint(
        range(instance.intervals),
        range(servers),
        rule=lambda m, n, j: pyo.quicksum(size * m.deployed[n, i, j] for i, size in enumerate(sizes)) <= storage[j],
    )
    model.bands = pyo.Constraint(model.places, rule=lambda m, t, j: pyo.quicksum(m.band[t, k, j] for k in range(users)) <= 1)
    model.computes = pyo.Constraint(model.places, rule=lambda m, t, j: pyo.quicksum(m.flops[t, k, j] for k in range(users)) <= 1)
    model.band_served = pyo.Constraint(model.pairs, rule=lambda m, *pair: m.band[pair] <= m.served[pair])
    model.flops_served = pyo.Constraint(model.pairs, rule=lambda m, *pair: m.flops[pair] <= m.served[pair])
    model.rooted = pyo.Constraint(
        model.cones,
        rule=lambda m, cone, t, k, j: (
            m.root[cone, t, k, j]
            == pyo.quicksum(root[cone][t][k][j][z] * m.chosen[t, k, j, z] for z in range(cuts[t][k] + 1) if root[cone][t][k][j][z])
        ),
    )
    return Programme(model, instance, options)


def conic(instance: Instance) -> Programme:
    """Build the exact model, with cones ``root^2 <= time share``."""
    import pyomo.environ as pyo

    programme = _frame(instance)
    programme.model.cone = pyo.Constraint(
        programme.model.cones, rule=lambda m, *index: m.root[index] ** 2 <= m.time[index] * programme.share(*index)
    )
    return programme


def linear(instance: Instance, tangents: Iterable[Tangent] = ()) -> Programme:
    """Build an outer approximation with tangents instead of cones: a MILP whose optimum is a lower bound."""
    import pyomo.environ as pyo

    programme = _frame(instance)
    programme.model.tangents = pyo.ConstraintList()
    add_tangents(programme, tangents)
    return programme


def add_tangents(programme: Programme, tangents: Iterable[Tangent]) -> None:
    """Add tangents to a programme built by `linear`."""
    model = programme.model
    for cone, t, k, j, slope in tangents:
        index = cone, t, k, j
        model.tangents.add(model.time[index] - 2.0 * slope * model.root[index] + slope**2 * programme.share(*index) >= 0)


def initial_tangents(programme: Programme, ratio: float = 3.0, most_users: int = 8) -> Iterator[Tangent]:
    """Tangents to begin with: slopes in geometric steps, from the least option with a whole server to the largest with a part of it.

    Parameters
    ----------
    programme
        Where they are for.
    ratio
        Of a slope to the one before, at most; a cone's error between them is ``((ratio - 1) / (ratio + 1))^2``.
    most_users
        The part that slopes reach to is one in so many.
    """
    values = roots(programme.instance, programme.options)
    for cone, t, k, j in programme.model.cones:
        positive = values[cone][t, k, j][values[cone][t, k, j] > 0]
        low, high = float(positive.min()), most_users * float(positive.max())
        steps = max(1, int(np.ceil(np.log(high / low) / np.log(ratio))))
        for slope in np.geomspace(low, high, steps + 1).tolist():
            yield Tangent(cone, t, k, j, slope)


def violated_slopes(root: np.ndarray, time: np.ndarray, share: np.ndarray, tolerance: float) -> np.ndarray:
    """Slopes of the tangents that cones lack at given points, 0 where they are violated by no more than a relative tolerance; shape [E]."""
    slope = root / np.maximum(share, np.maximum(root, ROOT_TOLERANCE) / STEEPEST)
    needed = 2.0 * slope * root - slope**2 * share
    return np.where((root > ROOT_TOLERANCE) & (needed > time + tolerance * np.maximum(needed, ROOT_TOLERANCE)), slope, 0.0)


def violated_tangents(programme: Programme, tolerance: float) -> Iterator[Tangent]:
    """Tangents at the values that a programme holds, where these violate a cone by more than a relative tolerance."""
    model, cones = programme.model, list(programme.model.cones)
    root, time = (np.array([block[index].value for index in cones]) for block in (model.root, model.time))
    share = np.array([programme.share(*index).value for index in cones])
    for index, slope in zip(cones, violated_slopes(root, time, share, tolerance).tolist(), strict=True):
        if slope:
            yield Tangent(index[0], index[1], index[2], index[3], slope)


def split_tangents(programme: Programme, solution: Solution) -> Iterator[Tangent]:
    """Tangents at the shares of a solution: with them, its discrete choices cost and take in the MILP at least what they truly do."""
    instance = programme.instance
    values = roots(instance, programme.options)
    band = solution.bandwidth / instance.bandwidth[solution.server]
    flops = solution.compute / instance.server_flops[solution.server]
    for cone, t, k, j in programme.model.cones:
        if solution.server[t, k] == j:
            root, share = float(values[cone][t, k, j, solution.cut[t, k]]), float((flops if cone == "compute" else band)[t, k])
            if root > 0 and share > 0:
                yield Tangent(cone, t, k, j, min(root / share, STEEPEST))


def lifted(instance: Instance, stages: int = STAGES) -> Programme:
    """Build the MILP whose polyhedra contain the cones and hardly more, at any size and without solving anything.

    A rotated cone ``t b >= s^2`` is a disc ``|(2 s, t - b)| <= t + b``. Ben-Tal and Nemirovski fold the disc's first
    quadrant upon itself: a rotation by pi / 4, a reflection, a rotation by pi / 8, and so on. After n stages a wedge of
    angle pi / 2^(n + 1) is left, which a triangle covers to a relative ``pi^2 / 2^(2 n + 3)`` with 3 n rows. Times are
    scaled so that t = b at a typical share; far from it the error grows as ``(t + b)^2 / (2 t b)``: with 16 stages it
    stays below 1e-6 of a time while t / b is within a factor of 6000 of that.

    Source: A. Ben-Tal and A. Nemirovski, "On polyhedral approximations of the second-order cone", Math. Oper. Res. 26, 2001.
    """
    import pyomo.environ as pyo

    programme = _frame(instance)
    model = programme.model
    largest = {cone: values.max(axis=3) for cone, values in roots(instance, programme.options).items()}
    scale = {index: (float(largest[index[0]][index[1:]]) / TYPICAL_SHARE) ** 2 for index in model.cones}
    model.across = pyo.Var(model.cones, range(stages + 1), domain=pyo.NonNegativeReals)
    model.along = pyo.Var(model.cones, range(stages + 1))

    def radius(index: tuple[Any, ...]) -> Any:
        return model.time[index] / scale[index] + programme.share(*index)

    model.first = pyo.ConstraintList()
    model.folds = pyo.ConstraintList()
    for index in model.cones:
        along = [model.along[(*index, stage)] for stage in range(stages + 1)]
        across = [model.across[(*index, stage)] for stage in range(stages + 1)]
        difference = model.time[index] / scale[index] - programme.share(*index)
        model.first.add(along[0] == 2.0 / np.sqrt(scale[index]) * model.root[index])
        model.first.add(across[0] >= difference)
        model.first.add(across[0] >= -difference)
        for stage in range(1, stages + 1):
            angle = np.pi / 2 ** (stage + 1)
            cosine, sine = float(np.cos(angle)), float(np.sin(angle))
            turned = cosine * across[stage - 1] - sine * along[stage - 1]
            model.folds.add(along[stage] == cosine * along[stage - 1] + sine * across[stage - 1])
            model.folds.add(across[stage] >= turned)
            model.folds.add(across[stage] >= -turned)
        model.folds.add(along[stages] <= radius(index))
        model.folds.add(across[stages] <= float(np.tan(np.pi / 2 ** (stages + 1))) * along[stages])
    return programme


def fix(programme: Programme, deployment: np.ndarray, server: np.ndarray, cut: np.ndarray) -> None:
    """Fix the binaries to discrete choices: x [n, I, J], sigma and z [T, K]."""
    model, instance = programme.model, programme.instance
    for index, variable in model.deployed.items():
        variable.fix(int(deployment[index]))
    slot = np.arange(instance.slots)[:, None]
    hit = deployment[slot // instance.interval, instance.service, server]
    for index, variable in model.failed.items():
        variable.fix(int(not hit[index]))
    for (t, k, j, z), variable in model.chosen.items():
        variable.fix(int(hit[t, k] and server[t, k] == j and cut[t, k] == z))


def read(programme: Programme) -> Solution:
    """Solution with the discrete choices that a solved programme holds, polished.

    A failed request names the first server that does not hold its service.
    """
    model, instance = programme.model, programme.instance
    deployment = np.zeros((instance.intervals, instance.services, instance.servers), dtype=bool)
    for index, variable in model.deployed.items():
        deployment[index] = variable.value > 0.5
    slot = np.arange(instance.slots)[:, None]
    server = np.argmin(deployment[slot // instance.interval, instance.service], axis=2)
    cut = np.zeros_like(server)
    for (t, k, j, z), variable in model.chosen.items():
        if variable.value > 0.5:
            server[t, k], cut[t, k] = j, z
    return polish(instance, programme.options, deployment, server, cut)


def export(instance: Instance, format: Format, path: Path) -> None:
    """Write a model for a solver outside: the lifted MILP as ``mps`` or ``lp``, the conic model as ``nl`` or ``cip``.

    The file appears complete or not at all. ``nl`` and ``cip`` hold the problem exactly; ``mps`` and ``lp`` say in
    their first line how near they come.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            written = Path(folder) / f"model.{format}"
            if format == "cip":
                scip(conic(instance)).writeProblem(str(written), verbose=False)
            elif format == "nl":
                conic(instance).model.write(str(written))
            else:
                lifted(instance).model.write(str(written), io_options={"symbolic_solver_labels": True})
                text = written.read_text(encoding="utf-8")
                written.write_text(f"{'*' if format == 'mps' else chr(92)} {NOTE}\n{text}", encoding="utf-8")
            written.replace(path)
    except OSError as error:
        raise InputError(f"{path}: expected a file in a folder that can be written to, found {error.strerror or error}") from None


def scip(programme: Programme) -> Any:
    """PySCIPOpt model of a Pyomo programme, its variables under the same names."""
    import pyscipopt

    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "p.nl"
        programme.model.write(str(written), io_options={"symbolic_solver_labels": True})
        model = pyscipopt.Model()
        model.hideOutput()
        model.readProblem(str(written))
    return model
