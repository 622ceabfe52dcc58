from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mecbench.problems import load
from mecbench.problems.errors import InputError
from mecbench.problems.p_edge import SIZES, Certificate, Instance, Solution, evaluate, generate
from mecbench.problems.p_edge.allocation import allocate
from mecbench.solvers import solve
from mecbench.solvers.catalogue import discover, resolve
from mecbench.solvers.outcome import Budget, Outcome


@pytest.fixture(scope="module")
def instance() -> Instance:
    """An instance small enough for anything."""
    return generate(SIZES["tiny"], 3)


def write(folder: Path, text: str) -> str:
    """Write a user's file and give back its path."""
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def test_every_class_of_the_package_is_found_under_its_own_name() -> None:
    """A module with `algorithms` is all it takes; the issue's methods are there and each resolves without parameters."""
    found = discover("mecbench.solvers")
    methods = (
        "threshold greedy-marginal cp-sat milp-onehot milp-secant scip conic-rounding algorithm-1 auto equal-share proportional random"
    )
    assert {f"p-edge/{method}" for method in methods.split()} <= set(found)
    for name, algorithm in found.items():
        resolved = resolve(name)
        assert (resolved.text, resolved.problem) == (name, name.partition("/")[0])
        assert (resolved.kind, resolved.sees, resolved.version) == (algorithm.kind, algorithm.sees, algorithm.version)


def test_discovery_loads_no_solver() -> None:
    """Listing algorithms must be quick, and a process that has imported highspy could never import ortools."""
    code = (
        "import sys; from mecbench.solvers.catalogue import discover, resolve\n"
        "for name in discover('mecbench.solvers'): resolve(name)\n"
        "heavy = {'pyomo', 'highspy', 'ortools', 'pyscipopt', 'cvxpy', 'clarabel', 'torch', 'numba', 'pandas', 'plotly'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("p-edge/algorithm-1:reading=literal,fix=1,eps=1e-3", "p-edge/algorithm-1"),
        ("p-edge/algorithm-1: fix=true , reading=minmax", "p-edge/algorithm-1:reading=minmax"),
        ("p-edge/algorithm-1:eps=1e-2,fix=0", "p-edge/algorithm-1:fix=0,eps=0.01"),
        ("p-edge/threshold:", "p-edge/threshold"),
    ],
)
def test_canonical_text_names_only_what_differs_in_the_order_of_the_fields(text: str, canonical: str) -> None:
    """One algorithm has one name, since the name is part of a run's key; and the name resolves to itself."""
    assert resolve(text).text == canonical
    assert resolve(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p-edge/treshold", ("algorithm", "'p-edge/treshold'", "p-edge/threshold")),
        ("p-edge/algorithm-1:reeding=literal", ("parameter", "'reeding'", "reading")),
        ("p-edge/algorithm-1:reading=wild", ("reading", "'literal' or 'minmax'", "'wild'")),
        ("p-edge/algorithm-1:eps=small", ("eps", "number", "'small'")),
        ("p-edge/algorithm-1:eps=0", ("eps", "greater than 0", "'0'")),
        ("p-edge/algorithm-1:fix=maybe", ("fix", "boolean", "'maybe'")),
        ("p-edge/algorithm-1:fix", ("parameter=value", "'fix'")),
        ("p-edge/algorithm-1:fix=1,fix=0", ("fix", "once", "twice")),
        ("nowhere.py:Mine", ("nowhere.py", "No such file")),
        ("nowhere.py", ("nowhere.py:Name", "no name")),
    ],
)
def test_a_wrong_name_is_explained_in_one_sentence(text: str, words: tuple[str, ...]) -> None:
    """The user learns which parameter, what was expected and what was found, or the nearest names."""
    with pytest.raises(InputError) as error:
        resolve(text, "p-edge")
    message = str(error.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_an_algorithm_of_another_problem_is_refused() -> None:
    """An algorithm cannot be let loose on another problem's instances."""
    with pytest.raises(InputError, match="expected an algorithm of problem p1, found one of p-edge"):
        resolve("p-edge/threshold", "p1")


def test_a_function_of_ten_lines_is_an_algorithm(tmp_path: Path, instance: Instance) -> None:
    """The README promises it: one function in one file, with parameters if it likes, and labels if it states them."""
    file = write(
        tmp_path,
        """
import numpy as np
from mecbench.problems.p_edge import Solution

def spread(instance, budget, seed, *, spare: int = 0):
    share = (instance.multiprocessors - spare) // instance.devices
    return Solution(allocation=np.full(instance.devices, share))
""",
    )
    algorithm = resolve(f"{file}:spread:spare=3", "p-edge")
    assert algorithm.text == f"{file}:spread:spare=3"
    assert (algorithm.problem, algorithm.kind, algorithm.sees, algorithm.requires) == ("p-edge", "heuristic", "clairvoyant", ())
    assert str(algorithm.version).startswith("sha256:")
    outcome = algorithm.solve(instance, Budget(), 0)
    assert outcome.status == "feasible"
    assert (outcome.solution.allocation == (instance.multiprocessors - 3) // instance.devices).all()
    assert resolve(f"{file}:spread:spare=0", "p-edge").text == f"{file}:spread"


def test_a_changed_file_is_another_version(tmp_path: Path) -> None:
    """Stored runs of a user's algorithm must not answer for the algorithm that the file holds now."""
    file = write(tmp_path, "problem = 'p-edge'\ndef f(instance, budget, seed): return 1\n")
    first = resolve(f"{file}:f", "p-edge")
    write(tmp_path, "problem = 'p-edge'\ndef f(instance, budget, seed): return 2\n")
    second = resolve(f"{file}:f", "p-edge")
    assert first.version != second.version
    with pytest.raises(TypeError, match="found int"):
        second.solve(None, Budget(), 0)


def test_a_class_states_its_labels_and_takes_parameters(tmp_path: Path, instance: Instance) -> None:
    """A user's dataclass works as a built-in one does, with no base class."""
    file = write(
        tmp_path,
        """
from __future__ import annotations
from dataclasses import dataclass
from typing import Literal
from mecbench.problems.p_edge import Solution, evaluate
from mecbench.problems.p_edge.allocation import allocate
from mecbench.solvers.outcome import Outcome

@dataclass
class Mine:
    mode: Literal["fast", "slow"] = "fast"
    weight: float = 1.0
    problem = "p-edge"
    kind = "exact"
    sees = "central"
    requires = ("scipy",)

    def solve(self, instance, budget, seed):
        solution = Solution(allocation=allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors))
        return Outcome(solution, evaluate(instance, solution).objective, status="optimal", metrics={"weight": self.weight})

made = Mine("slow", 3)
""",
    )
    algorithm = resolve(f"{file}:Mine:weight=2")
    assert (algorithm.problem, algorithm.kind, algorithm.sees, algorithm.requires) == ("p-edge", "exact", "central", ("scipy",))
    assert algorithm.text == f"{file}:Mine:weight=2.0"
    assert algorithm.solve(instance, Budget(), 0).metrics == {"weight": 2.0}
    made = resolve(f"{file}:made")
    assert made.solve(instance, Budget(), 0).metrics == {"weight": 3}
    with pytest.raises(InputError, match="unknown parameter"):
        resolve(f"{file}:made:weight=2")
    with pytest.raises(InputError, match="mode: expected 'fast' or 'slow', found 'x'"):
        resolve(f"{file}:Mine:mode=x")


def test_a_policy_is_rolled_out_through_the_task(tmp_path: Path, instance: Instance) -> None:
    """An object with `act` needs nothing else: the task turns its answer into a solution and its decisions are timed."""
    file = write(
        tmp_path,
        """
import numpy as np

class Even:
    problem, sees = "p-edge", "local"
    def reset(self, static, batch, seed): pass
    def act(self, observation): return observation["mask"].astype(float)
""",
    )
    algorithm = resolve(f"{file}:Even")
    assert algorithm.sees == "local"
    outcome = algorithm.solve(instance, Budget(), 0)
    assert evaluate(instance, outcome.solution).feasible
    assert outcome.solution == resolve("p-edge/equal-share").solve(instance, Budget(), 0).solution
    assert 0 < outcome.metrics["decision_latency_p50"] <= outcome.metrics["decision_latency_p95"]


def test_a_policy_is_played_in_the_task_it_asks_for(tmp_path: Path, instance: Instance) -> None:
    """What a policy may see is its label's affair, so it states itself which task shows it; `width` is a keyword of any task."""
    file = write(
        tmp_path,
        """
class Wide:
    problem, sees, task_options = "p-edge", "forecast", {"width": 40}
    def reset(self, static, batch, seed): pass
    def act(self, observation):
        assert observation["mask"].shape == (1, 40)
        return observation["mask"].astype(float)
""",
    )
    algorithm = resolve(f"{file}:Wide")
    assert algorithm.sees == "forecast"
    assert evaluate(instance, algorithm.solve(instance, Budget(), 0).solution).feasible


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise RuntimeError('no luck\\nat all')", ("mine.py", "RuntimeError: no luck")),
        ("import nonsense_that_is_not_there", ("mine.py", "ModuleNotFoundError")),
        ("def f(:", ("mine.py", "SyntaxError")),
        ("import sys; sys.exit(3)", ("mine.py", "SystemExit")),
        ("def g(instance, budget, seed): pass", ("'f'", "nearest", "g")),
        ("def f(instance): pass", ("(instance, budget, seed)", "(instance)")),
        ("f = 3", ("mine.py:f", "function f(instance, budget, seed)", "int")),
        ("class f:\n    pass", ("mine.py:f", "object with solve or act")),
        ("class f:\n    def act(self, observation): pass", ("reset(static, batch, seed)",)),
        ("class f:\n    def __init__(self, x): self.x = x\n    def solve(self, i, b, s): pass", ("parameter x", "no default")),
        ("class f:\n    def __init__(self): raise ValueError('bad')\n    def solve(self, i, b, s): pass", ("ValueError: bad",)),
        ("class f:\n    kind = 'best'\n    def solve(self, i, b, s): pass", ("kind", "exact", "'best'")),
        ("class f:\n    problem = 'p1'\n    def solve(self, i, b, s): pass", ("expected an algorithm of problem p-edge, found one of p1",)),
    ],
)
def test_a_faulty_file_is_named_in_one_sentence(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    """Whatever is wrong with a user's file, the message names it, what was expected and what was found."""
    file = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        resolve(f"{file}:f", "p-edge")
    message = str(error.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_file_without_a_problem_asks_for_one(tmp_path: Path) -> None:
    """Without an instance at hand, nothing else can tell which problem a function solves."""
    file = write(tmp_path, "def f(instance, budget, seed): pass")
    with pytest.raises(InputError, match="expected an attribute problem"):
        resolve(f"{file}:f")


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ("None", "found None"),
        ("instance", "found mecbench.problems.p_edge.instance.Instance"),
        ("np.ones(3)", "found numpy.ndarray"),
        ("Outcome(np.ones(3))", "expected a Solution of p-edge or None as solution of its Outcome, found numpy.ndarray"),
        ("Outcome(bound='low')", "expected a number or None as bound of its Outcome, found str"),
        ("Outcome(certificate=Solution(allocation=[1]))", "expected a Certificate of p-edge"),
    ],
)
def test_anything_but_a_solution_or_an_outcome_is_refused(tmp_path: Path, instance: Instance, returned: str, found: str) -> None:
    """The harness turns this TypeError into `invalid-output`; the message tells the author what came instead."""
    file = write(
        tmp_path,
        f"""
import numpy as np
from mecbench.problems.p_edge import Solution
from mecbench.solvers import Outcome
def f(instance, budget, seed): return {returned}
""",
    )
    with pytest.raises(TypeError) as error:
        resolve(f"{file}:f", "p-edge").solve(instance, Budget(), 0)
    assert found in str(error.value)


def test_solve_is_a_plain_function(instance: Instance) -> None:
    """Five lines of Python: an instance, a name, an outcome that the evaluator and the certificate check confirm."""
    outcome = solve(instance, "p-edge/auto", time_limit=5)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.solution, Solution)
    assert isinstance(outcome.certificate, Certificate)
    best = allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors)
    assert np.array_equal(outcome.solution.allocation, best)
    assert load("p-edge").bound(instance, outcome.certificate) == evaluate(instance, outcome.solution).objective


def test_a_file_tells_its_problem_by_what_it_imports(tmp_path: Path) -> None:
    """A function of ten lines needs no attribute: it imports the Solution of the problem that it solves."""
    file = write(tmp_path, "from mecbench.problems.p_edge import Solution\ndef f(instance, budget, seed): pass")
    assert resolve(f"{file}:f").problem == "p-edge"
    file = write(
        tmp_path, "import mecbench.problems.p_edge as p\nfrom mecbench.problems.task import Task\ndef f(instance, budget, seed): pass"
    )
    assert resolve(f"{file}:f").problem == "p-edge"


def test_a_policy_is_prepared_by_playing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A built-in policy plays once off the clock; in place of a user's, which may count its episodes, a random one does."""
    played = []
    built_in = resolve("p-edge/equal-share")
    monkeypatch.setattr(type(built_in._target), "reset", lambda self, static, batch, seed: played.append("built in"))
    built_in.prepare()
    source = tmp_path / "mine.py"
    source.write_text("class Mine:\n    problem = 'p-edge'\n    def reset(self, static, batch, seed):\n        1 / 0\n    act = reset\n")
    resolve(f"{source}:Mine").prepare()
    assert played == ["built in"]
