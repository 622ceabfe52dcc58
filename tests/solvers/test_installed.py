"""Algorithms of another distribution: a real second package, built and installed, offers its own through an entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mecbench.benchmarks.temp_suite import temp_suite

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"

[project.entry-points."mecbench.algorithms"]
{name} = "{name}"

[tool.setuptools]
packages = ["{name}", "{name}.p_edge"]
"""
RULE = '''
from dataclasses import dataclass
from typing import ClassVar
from mecbench.problems.p_edge import Solution


@dataclass(frozen=True)
class Spread:
    """So many each."""

    name: ClassVar[str] = "{method}"
    kind: ClassVar[str] = "trivial"
    sees: ClassVar[str] = "central"
    version: ClassVar[int] = 3
    requires: ClassVar[tuple[str, ...]] = ()
    each: int = 1

    def solve(self, instance, budget, seed):
        return Solution(allocation=[self.each] * instance.devices)


algorithms = (Spread,)
'''


def install(folder: Path, name: str, module: str) -> dict[str, str]:
    """Build a package with one module and install it beside everything else; returns the environment in which it is there."""
    package = folder / "source" / name / name / "p_edge"
    package.mkdir(parents=True)
    (folder / "source" / name / "pyproject.toml").write_text(PROJECT.format(name=name))
    for place in (package, package.parent):
        (place / "__init__.py").write_text("")
    (package / "rule.py").write_text(module)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    target = folder / "installed"
    subprocess.run([*pip, str(target), str(folder / "source" / name)], check=True, capture_output=True)
    return dict(os.environ) | {"PYTHONPATH": str(target)}


def mecbench(environment: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in an environment."""
    command = [sys.executable, "-c", "import sys; from mecbench.benchmarks.cli import main; sys.exit(main())", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_an_installed_package_offers_its_algorithms(tmp_path: Path) -> None:
    """They are listed, resolved with their parameters, matched by patterns and run, without any file of ours knowing them."""
    environment = install(tmp_path, "their_rules", RULE.format(method="their-spread"))
    rows = json.loads(mecbench(environment, "list", "algorithms", "--json").stdout)
    row = next(row for row in rows if row["algorithm"] == "p-edge/their-spread")
    assert (row["kind"], row["version"], row["description"]) == ("trivial", 3, "So many each.")
    assert {"p-edge/threshold", "p-edge/equal-share"} <= {row["algorithm"] for row in rows}
    with temp_suite("p-edge/threshold") as suite:
        words = ("run", suite.path, "--algorithms", "p-edge/their-*", "p-edge/their-spread:each=2", "--out", tmp_path / "results", "--json")
        done = mecbench(environment, *words)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["statuses"] == {"ok": 2}
    assert {row["algorithm"] for row in result["leaderboard"]} == {"p-edge/their-spread", "p-edge/their-spread:each=2"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("raise RuntimeError('no luck')", "expected one that can be imported, found RuntimeError: no luck"),
        (RULE.format(method="threshold"), "expected a name of its own, found p-edge/threshold"),
    ],
)
def test_a_faulty_package_is_named_in_one_sentence(tmp_path: Path, module: str, sentence: str) -> None:
    """Whoever installed it can tell which one to mend or to remove; built-in algorithms are not hostage to it."""
    environment = install(tmp_path, "their_faulty_rules", module)
    done = mecbench(environment, "list", "algorithms")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: installed package their_faulty_rules, which offers algorithms: {sentence}\n"
    solved = mecbench(environment, "solve", "p-edge-tiny-nsg-0000", "--with", "p-edge/threshold", "--json")
    assert json.loads(solved.stdout)["status"] == "ok"
