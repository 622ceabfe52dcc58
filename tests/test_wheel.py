"""The wheel alone is enough: suites, instances, templates and solvers work outside the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def call(*command, cwd):
    """Run a command and return what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built without the network from a copy that holds tracked and new files only."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = call("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source, cwd=target)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Scripts of an environment with the wheel and the third-party packages, but without this checkout's editable install."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    # A path line adds the packages of this interpreter but not what their own .pth files add, such as an editable install.
    (packages / "third_party.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = home / "bin" / "python"
    call(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=home)
    return home / "bin"


@pytest.mark.slow
def test_wheel_carries_data_and_nothing_of_the_tests(wheel):
    """Data files, templates and type markers travel; tests do not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "mecbench/instances/data/suites/quick.toml" in names
    assert any(name.startswith("mecbench/reports/templates/") for name in names)
    assert any(name.startswith("mecbench/problems/p_edge/profiles/") for name in names)
    assert all(f"mecbench/{floor}/py.typed" in names for floor in ("problems", "instances", "solvers", "rl", "reports", "benchmarks"))
    assert "mecbench/rl/data/p-edge-ppo.npz" in names
    assert not any(Path(name).name.startswith("test_") for name in names)


@pytest.mark.slow
def test_quick_suite_runs_from_the_wheel(installed, tmp_path):
    """``mecbench run quick``, ``leaderboard`` and ``report`` need no file of the repository."""
    location = call(installed / "python", "-c", "import mecbench.problems as p; print(p.__file__)", cwd=tmp_path)
    assert str(installed.parent) in location
    algorithms = ("p-edge/threshold", "p-edge/milp-secant", "p-edge/cp-sat", "p-edge/equal-share", "p-edge/ppo")
    pattern = [word for name in algorithms for word in ("--algorithms", name)]
    call(installed / "mecbench", "run", "quick", *pattern, "--out", tmp_path / "runs", cwd=tmp_path)
    rows = json.loads(call(installed / "mecbench", "leaderboard", tmp_path / "runs", "--json", cwd=tmp_path))
    assert {row["algorithm"] for row in rows["leaderboard"]} == set(algorithms)
    call(installed / "mecbench", "report", tmp_path / "runs", "--out", tmp_path / "site", cwd=tmp_path)
    assert (tmp_path / "site" / "index.html").stat().st_size > 10_000
