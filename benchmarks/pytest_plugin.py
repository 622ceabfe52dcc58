"""``pytest --benchmark``: the options. Every pytest of the environment loads this module, so it imports nothing but pytest.

Without the options nothing happens; with them `mecbench.benchmarks.pytest_leaderboard` takes over.
"""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["pytest_configure", "pytest_load_initial_conftests", "pytest_report_header"]

FLAG = "--benchmark"
SUITE = "quick"
OPTIONS: dict[str, dict[str, Any]] = {
    FLAG: {
        "action": "store_true",
        "dest": "mecbench",
        "help": f"run mecbench's leaderboard of the suite {SUITE} instead of this folder's tests",
    },
    "--benchmark-suite": {
        "metavar": "NAME",
        "dest": "mecbench_suite",
        "help": f"leaderboard of another suite, or of a .toml file (turns {FLAG} on)",
    },
    "--benchmark-algorithms": {
        "metavar": "PATTERN",
        "action": "append",
        "dest": "mecbench_algorithms",
        "help": "only these, as 'p-edge/milp-*' or my_file.py:Name; may be repeated (default: the suite's)",
    },
    "--benchmark-baseline": {
        "metavar": "FILE",
        "dest": "mecbench_baseline",
        "help": "fail a run whose gap is 0.5 points above, or which violates a constraint it did not violate, in this file "
        "that --benchmark-json wrote; never fail on time",
    },
}
TAKEN = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Add the options that nobody else has: a conftest.py may define ``--benchmark`` for itself, and then it has it.

    `pytest_addoption` would be too early: of two who add the same option, pytest refuses the second, the conftest.
    """
    group = parser.getgroup("mecbench", "leaderboards of mecbench")
    taken = {name for name in OPTIONS if _defined(parser, name)}
    for name, attributes in OPTIONS.items():
        if name not in taken:
            group.addoption(name, **attributes)
    early_config.stash[TAKEN] = FLAG in taken


def _defined(parser: pytest.Parser, name: str) -> bool:
    try:
        return name not in parser.parse_known_and_unknown_args([name])[1]
    except pytest.UsageError:  # it wants a value
        return True


def pytest_configure(config: pytest.Config) -> None:
    """Set the leaderboard up if it was asked for."""
    if config.getoption("help", False) or not (config.getoption("mecbench", False) or config.getoption("mecbench_suite", None)):
        return
    from mecbench.benchmarks.pytest_leaderboard import Leaderboard
    from mecbench.problems.errors import InputError

    try:
        leaderboard = Leaderboard(config)
    except InputError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(leaderboard, "mecbench-leaderboard")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say so where ``--benchmark`` is not ours."""
    if config.stash.get(TAKEN, False) and FLAG in config.invocation_params.args:
        return [f"mecbench: {FLAG} is what conftest.py defines here; for mecbench's leaderboard: --benchmark-suite {SUITE}"]
    return []
