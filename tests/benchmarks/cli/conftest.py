"""The command line in this process: words in, exit code, output and errors out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks.cli import main
from mecbench.instances.files import save_instance
from mecbench.instances.generation import generate


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON, refusing what is none, as NaN."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


Command = Callable[..., Answer]


@pytest.fixture
def mecbench(capfd: pytest.CaptureFixture[str]) -> Command:
    """``mecbench`` with words."""

    def command(*words: str | Path) -> Answer:
        capfd.readouterr()
        code = main([str(word) for word in words])
        return Answer(code, *capfd.readouterr())

    return command


@pytest.fixture
def refused(mecbench: Command) -> Callable[..., str]:
    """A command that must be refused: exit code 2 and one sentence on stderr, nothing else; returns the sentence."""

    def command(*words: str | Path) -> str:
        answer = mecbench(*words)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1
        assert "Traceback" not in answer.err
        return answer.err.removeprefix("error: ").rstrip("\n")

    return command


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two instances, a suite of them and a file with a user's algorithms."""
    folder = tmp_path_factory.mktemp("workplace")
    for seed in (3, 4):
        save_instance(generate("p-edge", "tiny", seed, name=f"demo-{seed}"), folder / f"demo-{seed}.json")
    (folder / "demo.toml").write_text(
        'description = "two instances"\ntime_limit = 20.0\nmemory_limit = 2048\nseeds = 1\n'
        'algorithms = ["p-edge/threshold", "p-edge/equal-share"]\ninstances = ["demo-3.json", "demo-4.json"]\n'
    )
    (folder / "mine.py").write_text(
        "import time\n"
        "import numpy as np\n"
        "from mecbench.problems.p_edge import Solution\n"
        "from mecbench.solvers import Outcome\n\n\n"
        "def greedy(instance, budget, seed):\n"
        "    return Solution(allocation=np.ones(instance.devices, dtype=int))\n\n\n"
        "def wasteful(instance, budget, seed):\n"
        "    return Solution(allocation=np.full(instance.devices, instance.multiprocessors))\n\n\n"
        "def broken(instance, budget, seed):\n"
        "    print('on my way')\n"
        "    raise ZeroDivisionError('of all things')\n\n\n"
        "def liar(instance, budget, seed):\n"
        "    return Outcome(greedy(instance, budget, seed), bound=1e6)\n\n\n"
        "def endless(instance, budget, seed):\n"
        "    while True:\n"
        "        time.sleep(0.01)\n"
    )
    return folder


@pytest.fixture(scope="session")
def store(workplace: Path) -> Path:
    """Store of the suite with the suite's algorithms and the user's good and bad ones."""
    out = workplace / "results"
    words = ["run", str(workplace / "demo.toml"), "--out", str(out), "--json"]
    for pattern in (
        "p-edge/threshold",
        "p-edge/equal-*",
        *(f"{workplace / 'mine.py'}:{name}" for name in ("greedy", "wasteful", "broken")),
    ):
        words += ["--algorithms", pattern]
    assert main(words) == 1
    return out
