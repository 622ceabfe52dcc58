from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mecbench.instances import library
from mecbench.instances.files import StoredInstance, save_instance
from mecbench.instances.suites import Suite, load_suite, lock, suite_names

LONG = {"p-marl-240x11", "p-marl-240x11-valid", "p-marl-1000x40"}  # suites that take ten seconds to draw
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in suite_names()]
VALID = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in suite_names() if name.endswith("-valid")]
VALIDATION = ("orig-60x5", "orig-240x11", "60x5", "240x11")
UNSOLVED = {f"{name}-valid" for name in (*(f"p-marl-{size}" for size in VALIDATION), "cmg-small", "cmg-paper", "cmg-scarce")}
PLAIN = 'description = "x"\ntime_limit = 1.0\nmemory_limit = 512\n'
DRAWN = '[[generated]]\nproblem = "p-edge"\nsize = "tiny"\nseeds = [3, 5]\nset = { family = "random-cuts", devices = [2, 3] }\n'


def write(folder: Path, text: str) -> Path:
    """A suite of one's own."""
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_shipped_suites() -> None:
    """The names of the design exist, and a leaderboard may rely on how many instances they have."""
    counts = {name: len(load_suite(name).instances) for name in suite_names()}
    expected = {"smoke": 4, "quick": 42, "p-edge-tiny": 24, "p-edge-small": 16, "p-edge-paper": 12, "p-edge-large": 6}
    expected |= {"p-edge-paper-valid": 20, "p-tiny": 24, "p-small": 12, "p-paper-200": 3, "p-large": 3}
    expected |= {f"p-{name}": 10 for name in ("medium", "paper-10", "paper-50", "tight-storage", "tight-delay", "low-band")}
    expected |= {"p-paper-50-valid": 5, "p-paper-200-valid": 3, "p-paper-50-world": 10, "p1-tiny": 24, "p1-literal-tiny": 12}
    expected |= {f"p1-{profile}{size}": 10 for profile in ("", "literal-") for size in ("n5", "n10", "n30", "n50", "n100")}
    expected |= {name: 10 for size in ("n10", "n30", "n50") for name in (f"p1-slot-fit-{size}", f"p1-{size}-valid")}
    expected |= {"cmg-tiny": 24, "cmg-tiny-scarce": 12}
    expected |= {f"cmg-{name}": 10 for name in ("small", "small-scarce", "paper", "scarce", "long", "scarce-long", "large")}
    expected |= {f"cmg-{name}": 10 for name in ("n30", "n40", "n50", "battery-9", "battery-10", "battery-11", "harvest-05", "harvest-15")}
    expected |= {f"cmg-{name}": 10 for name in ("k5", "moderate", "strong", "small-valid", "paper-valid", "scarce-valid")}
    expected |= {"p-marl-orig-tiny": 24, "p-marl-tiny": 12}
    expected |= {f"p-marl-orig-{size}": 20 for size in ("20x3", "60x5", "120x8", "240x11")}
    expected |= {f"p-marl-{name}": 10 for name in ("orig-60x5-valid", "orig-240x11-valid")}
    expected |= {f"p-marl-{name}": 10 for name in ("60x5", "240x11", "1000x40", "60x5-valid", "240x11-valid")}
    assert counts == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_instance_of_a_suite_loads(name: str) -> None:
    """Stored or drawn, each has the hash that it was published with, and none is there twice."""
    suite = load_suite(name)
    assert suite.name == name
    assert len({library.load(text).instance.sha256 for text in suite.instances}) == len(suite.instances)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.startswith("cmg-") or name in LONG else [])
        for name in suite_names()
        if name.startswith(("p-edge-", "p-marl-", "cmg-")) and name not in UNSOLVED
    ],
)
def test_every_instance_of_a_suite_is_solved(name: str) -> None:
    """Each has a best known value to be judged by, drawn ones too; validation is for agents to be chosen by, not to be solved."""
    assert all(library.best_known(library.load(text).instance) for text in load_suite(name).instances)


def test_quick_is_quick() -> None:
    """At most 12 devices and 64 multiprocessors, both families, 5 s a run, three tiny ones of all other problems: all have a chance."""
    suite = load_suite("quick")
    tiny = ("p-tiny-", "p1-tiny-", "cmg-tiny-", "p-marl-tiny-")
    assert [sum(name.startswith(prefix) for name in suite.instances) for prefix in tiny] == [3, 3, 3, 3]
    stored = [library.load(name) for name in suite.instances if name.startswith("p-edge-")]
    assert max(item.instance.devices for item in stored) == 12
    assert max(item.instance.multiprocessors for item in stored) == 64
    families = [item.generator.parameters["family"] for item in stored]
    assert families.count("nsg-cuts") == families.count("random-cuts") == 15
    assert suite.time_limit == 5.0


@pytest.mark.parametrize("name", VALID)
def test_splits_are_disjoint(name: str) -> None:
    """No instance of a validation suite is a test instance of the library or of the suite that it stands for."""
    valid = [library.load(text) for text in load_suite(name).instances]
    stored = [text for text in library.names() if text.startswith(f"{valid[0].problem}-")]
    test = [library.load(text) for text in [*stored, *load_suite(name.removesuffix("-valid")).instances]]
    assert not {item.instance.sha256 for item in valid} & {item.instance.sha256 for item in test}
    assert {item.split for item in valid} == {"valid"}


def test_large_leaves_out_what_cannot_finish() -> None:
    """Three million cells are no model: on the large suite their methods are not even started."""
    known = ["p-edge/cp-sat", "p-edge/milp-onehot", "p-edge/milp-secant", "p-edge/threshold", "p1/lns"]
    assert [name for name in load_suite("p-edge-large").select(known) if ":" not in name] == ["p-edge/milp-secant", "p-edge/threshold"]


def test_all_readings_of_the_paper_s_algorithm_are_run() -> None:
    """Algorithm 1 can be read in four ways; a leaderboard shows each, so that nobody is judged by the worst."""
    readings = {"p-edge/algorithm-1", *(f"p-edge/algorithm-1:{text}" for text in ("fix=0", "reading=minmax", "reading=minmax,fix=0"))}
    for name in suite_names():
        if name == "quick" or name.startswith("p-edge-"):
            assert readings <= set(load_suite(name).select(["p-edge/algorithm-1"]))


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("*",), ["a/x", "a/y", "b/x"]),
        (("b/*", "a/x"), ["b/x", "a/x"]),
        (("*", "!a/*"), ["b/x"]),
        (("!a/x", "a/*"), ["a/x", "a/y"]),
        (("a/x", "a/x:eps=0.1"), ["a/x", "a/x:eps=0.1"]),
        (("a/x:eps=0.1", "!a/x*"), []),
        (("c/*",), []),
    ],
)
def test_patterns(patterns: tuple[str, ...], expected: list[str]) -> None:
    """Patterns add in their order, an exclamation mark takes out, parameters stand as written."""
    suite = Suite("s", "", (), 1.0, 1, 1, patterns)
    assert suite.select(["a/x", "a/y", "b/x"]) == expected


def test_a_suite_of_one_s_own(stored: StoredInstance, tmp_path: Path) -> None:
    """Names, patterns, files beside the suite and drawn instances in one list; defaults for the rest."""
    save_instance(stored, tmp_path / "own.json")
    path = write(tmp_path, PLAIN + 'instances = ["p-edge-tiny-nsg-000[12]", "own.json"]\n' + DRAWN)
    lock(path)
    suite = load_suite(str(path))
    assert (suite.name, suite.seeds, suite.algorithms) == ("mine", 1, ("*",))
    loaded = [library.load(text) for text in suite.instances]
    assert [item.name for item in loaded[:3]] == ["p-edge-tiny-nsg-0001", "p-edge-tiny-nsg-0002", stored.name]
    assert [item.generator.seed for item in loaded[3:]] == [3, 4, 5]


def test_drawn_instances_must_match(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A lock of another generator, or none, is a fault and not another benchmark."""
    path = write(tmp_path, PLAIN + DRAWN)
    locked = tmp_path / "mine.lock.json"
    assert complaint(load_suite, path) == f"{locked}: expected a file, found none"
    lock(path)
    text = locked.read_text()
    first = load_suite(path).instances[0].rpartition("=")[2]
    locked.write_text(text.replace(first, "f" * 16))
    assert "expected a generated instance of that hash" in complaint(library.load, load_suite(path).instances[0])
    locked.write_text(text.replace("seed=4", "seed=9"))
    assert complaint(load_suite, path) == (
        f"{locked}: expected a hash of p-edge/tiny:devices=[2,3],family=random-cuts,seed=4, found none: lock the suite again"
    )
    locked.write_text('{"p-edge/tiny:seed=3": 5}')
    assert complaint(load_suite, path) == f"{locked}: field p-edge/tiny:seed=3: expected 64 digits, found 5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("description = ", "expected a TOML file, found text that is not (Invalid value (at end of document))"),
        ('description = "x"\nmemory_limit = 1\n', "field time_limit: expected a value, found none"),
        (PLAIN + "time = 3", "field time: expected no such field, found one"),
        (PLAIN.replace("1.0", "nan"), "field time_limit: input should be a finite number, found nan"),
        (PLAIN.replace("1.0", "-1.0"), "field time_limit: input should be greater than 0, found -1.0"),
        (PLAIN + "seeds = 0", "field seeds: input should be greater than or equal to 1, found 0"),
        (PLAIN, "expected at least one instance, found none"),
        (PLAIN + 'instances = ["p-edge-tiny-nsg-999"]', "field instances: unknown instance 'p-edge-tiny-nsg-999': the nearest"),
        (PLAIN + 'instances = ["own.json"]', "field instances: unknown instance 'own.json'"),
        (PLAIN + DRAWN.replace("[3, 5]", "[5, 3]"), "field generated.0.seeds: expected first and last seed, rising from at least 0"),
        (PLAIN + DRAWN.replace("size", "siz"), "field generated.0.size: expected a value, found none"),
    ],
)
def test_bad_suites(text: str, message: str, tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A suite file's fault is a sentence that names file and field."""
    path = write(tmp_path, text)
    assert complaint(load_suite, path).startswith(f"{path}: {message}")


def test_unknown_suites(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """Name, missing file and folder each have their sentence."""
    assert complaint(load_suite, "quik").startswith("unknown suite 'quik': the nearest suite names are quick")
    missing = tmp_path / "no.toml"
    assert complaint(load_suite, missing) == f"{missing}: expected a file, found none"
    assert complaint(load_suite, tmp_path) == f"{tmp_path}: expected a file, found a folder"
