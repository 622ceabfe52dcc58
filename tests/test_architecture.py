"""The house holds: imports run downwards only, without circles, and importing costs no solver."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "problems": {"problems"},
    "instances": {"problems", "instances"},
    "solvers": {"problems", "instances", "solvers"},
    "rl": {"problems", "instances", "solvers", "rl"},
    "reports": {"reports"},
    "benchmarks": {"problems", "instances", "solvers", "rl", "reports", "benchmarks"},
}
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
HEAVY = {"ortools", "highspy", "pyscipopt", "cvxpy", "pyomo", "clarabel", "torch", "numba", "pandas", "plotly"}
BETWEEN_PROBLEMS = {("p_marl", "p_edge")}  # the only import from one problem to another


def name_of(path):
    """Full module name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("mecbench", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports_of(path, everywhere):
    """Modules of ours that a file imports: at top level, or anywhere."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mecbench"):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in KNOWN else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("mecbench"))


KNOWN = {name_of(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_downwards(path):
    """A lower floor never knows a higher one, and one problem knows no other but those that are declared."""
    floor = path.relative_to(ROOT).parts[0]
    for imported in imports_of(path, everywhere=True):
        target = imported.split(".")
        assert target[1] in FLOORS[floor], f"{name_of(path)} imports {imported}"
        own = path.relative_to(ROOT).parts
        if floor == target[1] == "problems" and len(own) > 2 and len(target) > 3 and own[1] != target[2]:
            assert (own[1], target[2]) in BETWEEN_PROBLEMS, f"{name_of(path)} imports {imported}"


def test_imports_have_no_circles():
    """Modules can be read in an order in which each knows only what came before.

    A package's own listing of its modules (its ``__init__``) and what its modules take from each other is one node
    for the outside; inside, the modules alone are ordered.
    """
    graph = {
        name_of(path): {imported for imported in imports_of(path, everywhere=False) if imported != name_of(path)}
        for path in MODULES
        if path.name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("verb", [["--help"], ["list", "algorithms"], ["list", "instances"]])
def test_listing_imports_no_solver(verb):
    """Looking around is instant, and OR-Tools and HiGHS never meet in one process."""
    code = (
        "import sys; from mecbench.benchmarks.cli import main\n"
        f"sys.argv = ['mecbench', *{verb!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"heavy = {HEAVY!r} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
