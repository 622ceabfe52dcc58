from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mecbench.instances.files import (
    Generator,
    StoredInstance,
    load_certificate,
    load_instance,
    load_solution,
    save_certificate,
    save_instance,
    save_solution,
    schema,
)
from mecbench.instances.generation import generate
from mecbench.problems.p_edge import Certificate, Instance, Solution

POSITIVE = st.floats(min_value=5e-324, max_value=1.7976931348623157e308)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """Any instance that the model admits, with awkward floats: tiny, huge, minus zero."""
    devices, groups = draw(st.integers(1, 6)), draw(st.integers(1, 4))

    def column(elements: st.SearchStrategy[Any], size: int, dtype: type = np.float64) -> Any:
        return draw(arrays.arrays(dtype, size, elements=elements))

    return Instance(
        multiprocessors=draw(st.integers(devices, 2**31)),
        clock_ratio=column(st.floats(min_value=5e-324, max_value=1), devices),
        uplink_rate=column(POSITIVE, devices),
        cut=column(st.integers(0, groups - 1), devices, np.int64),
        switch_cost=column(st.floats(min_value=0, max_value=1e300) | st.just(-0.0), devices),
        group_macs=column(st.integers(1, 2**52), groups, np.int64),
        cut_bytes=column(st.integers(0, 2**62), groups, np.int64),
        edge_work=draw(POSITIVE),
        full_latency=draw(POSITIVE),
        latency_exponent=draw(st.floats(allow_nan=False, allow_infinity=False)),
        full_energy=draw(POSITIVE),
        energy_exponent=draw(st.floats(allow_nan=False, allow_infinity=False)),
        transmit_power=draw(st.floats(min_value=0, max_value=1e300)),
        energy_unit=draw(POSITIVE),
        latency_unit=draw(POSITIVE),
    )


@settings(deadline=None)
@given(instance=instances(), suffix=st.sampled_from([".json", ".json.gz"]))
def test_instances_survive_bit_by_bit(instance: Instance, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What was written reads back to the same bits and the same hash: an instance is one thing, wherever it is."""
    path = tmp_path_factory.mktemp("files") / f"x{suffix}"
    generator = Generator(name="hypothesis", version=1, parameters={"nested": [1, {"x": 0.1}]}, seed=None)
    save_instance(StoredInstance("p-edge", "any", instance, "shift", generator), path)
    again = load_instance(path)
    assert again.instance.sha256 == instance.sha256
    assert (again.problem, again.name, again.split, again.generator) == ("p-edge", "any", "shift", generator)
    for name in Instance.model_fields:
        was, now = np.asarray(getattr(instance, name)), np.asarray(getattr(again.instance, name))
        assert (was.dtype, was.shape, was.tobytes()) == (now.dtype, now.shape, now.tobytes())


def test_renaming_voids_nothing(stored: StoredInstance, as_file: Path) -> None:
    """The identity is the content: another name or split keeps the hash."""
    save_instance(replace(stored, name="other", split="shift"), as_file)
    assert load_instance(as_file).instance == stored.instance


def test_decisions_survive(stored: StoredInstance, tmp_path: Path) -> None:
    """Solutions and certificates come back equal, bound to their instance."""
    solution, certificate = Solution(allocation=[10, 11, 11]), Certificate(threshold=math.pi)
    save_solution(solution, stored.instance, tmp_path / "solution.json")
    save_certificate(certificate, stored.instance, tmp_path / "certificate.json")
    assert load_solution(tmp_path / "solution.json", stored.instance) == solution
    assert load_certificate(tmp_path / "certificate.json", stored.instance) == certificate


SPOILT: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("no-problem", lambda d: d.pop("problem"), "field problem: expected a text, found none"),
    ("problem-not-text", lambda d: d.update(problem=["p-edge"]), "field problem: expected a text, found ['p-edge']"),
    ("old-format", lambda d: d.update(format=0), "field format: expected version 1, found 0"),
    ("new-format", lambda d: d.update(format=2, news="x"), "field format: expected version 1, found 2"),
    ("format-text", lambda d: d.update(format="1"), "field format: expected version 1, found '1'"),
    ("no-format", lambda d: d.pop("format"), "field format: expected version 1, found none"),
    ("no-data", lambda d: d.pop("data"), "field data: expected a value, found none"),
    ("data-list", lambda d: d.update(data=[1]), "field data: input should be a valid dictionary, found [1]"),
    ("extra-field", lambda d: d.update(objective=1.0), "field objective: expected no such field, found one"),
    ("split", lambda d: d.update(split="exam"), "field split: input should be 'train', 'valid', 'test' or 'shift', found 'exam'"),
    ("no-name", lambda d: d.update(name=""), "field name: string should have at least 1 character, found ''"),
    ("hash-form", lambda d: d.update(sha256="abc"), "field sha256: string should match pattern '^[0-9a-f]{64}$', found 'abc'"),
    ("seed", lambda d: d["generator"].update(seed=-1), "field generator.seed: input should be greater than or equal to 0, found -1"),
    (
        "parameter-nan",
        lambda d: d["generator"]["parameters"].update(area=math.nan),
        "field generator.parameters: expected finite numbers, found NaN or infinity",
    ),
    (
        "nan",
        lambda d: d["data"].update(uplink_rate=[1.0, math.nan, 1.0]),
        "data: field uplink_rate: expected finite numbers in bit/s above 0 of shape [M], found nan at [1]",
    ),
    (
        "infinity",
        lambda d: d["data"].update(switch_cost=[1e999, 0, 0]),
        "data: field switch_cost: expected finite numbers at least 0 of shape [M], found inf at [0]",
    ),
    (
        "scalar-nan",
        lambda d: d["data"].update(edge_work=math.nan),
        "data: field edge_work: input should be a finite number, found nan",
    ),
    (
        "negative",
        lambda d: d["data"].update(uplink_rate=[1.0, 1.0, -5.0]),
        "data: field uplink_rate: expected finite numbers in bit/s above 0 of shape [M], found -5.0 at [2]",
    ),
    (
        "wrong-dimensions",
        lambda d: d["data"].update(cut=[[0, 1, 2]]),
        "data: field cut: expected integers at least 0 of shape [M], found shape [1, 3]",
    ),
    (
        "wrong-length",
        lambda d: d["data"].update(switch_cost=[0.0, 0.0]),
        "data: expected field switch_cost to have M of length 3 as field clock_ratio has, found 2",
    ),
    (
        "ragged",
        lambda d: d["data"].update(cut=[0, [1], 2]),
        "data: field cut: expected integers at least 0 of shape [M], found a ragged list",
    ),
    ("text-value", lambda d: d["data"].update(cut=["0", "1", "2"]), "data: field cut: expected integers at least 0 of shape [M], found "),
    ("missing-field", lambda d: d["data"].pop("cut"), "data: field cut: expected a value, found none"),
    ("unknown-field", lambda d: d["data"].update(cuts=[1]), "data: field cuts: expected no such field, found one"),
    ("deep-field", lambda d: d["data"].update(cut=nested(200)), "data: field cut: expected integers at least 0 of shape [M], found "),
    (
        "too-many-devices",
        lambda d: d["data"].update(multiprocessors=2),
        "data: expected 1 to multiprocessors = 2 devices, since each holds at least one, found 3",
    ),
]


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("spoil", "message"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_spoilt_instances(
    spoil: Callable[[dict[str, Any]], Any], message: str, document: dict[str, Any], as_file: Path, complaint: Callable[..., str]
) -> None:
    """Each fault is one sentence with file, field, what was expected and what was found."""
    spoil(document)
    as_file.write_text(json.dumps(document))
    assert complaint(load_instance, as_file).startswith(f"{as_file}: {message}")


def test_unknown_problem(document: dict[str, Any], as_file: Path, complaint: Callable[..., str]) -> None:
    """A slip of the pen is answered with the names that exist."""
    as_file.write_text(json.dumps(document | {"problem": "p-egde"}))
    assert complaint(load_instance, as_file).startswith("unknown problem 'p-egde': the nearest problem names are p-edge")


def test_wrong_hash(document: dict[str, Any], stored: StoredInstance, as_file: Path, complaint: Callable[..., str]) -> None:
    """A file edited by hand is another instance under a false name."""
    document["data"]["multiprocessors"] = 33
    as_file.write_text(json.dumps(document))
    sentence = complaint(load_instance, as_file)
    assert sentence.startswith(f"{as_file}: field sha256: expected ")
    assert sentence.endswith(f", the hash of the data, found {stored.instance.sha256}")


def test_nesting_that_json_still_reads(document: dict[str, Any], as_file: Path, complaint: Callable[..., str]) -> None:
    """Just below the parser's own limit the validation must not fall over either."""
    for depth in (60, 300, 700, 900):
        document["data"]["multiprocessors"] = 1
        text = json.dumps(document).replace('"multiprocessors": 1,', f'"multiprocessors": {"[" * depth + "]" * depth},')
        as_file.write_text(text)
        assert str(as_file) in complaint(load_instance, as_file)


DECISIONS: list[tuple[str, dict[str, Any], str]] = [
    ("kind", {"kind": "certificate"}, "field kind: expected 'solution', found 'certificate'"),
    ("unknown-kind", {"kind": "plan"}, "field kind: input should be 'solution' or 'certificate', found 'plan'"),
    ("problem", {"problem": "cmg"}, "field problem: expected 'p-edge', the instance's, found 'cmg'"),
    ("format", {"format": 9}, "field format: expected version 1, found 9"),
    ("claim", {"objective": 0.5}, "field objective: expected no such field, found one"),
    ("length", {"data": {"allocation": [1, 2]}}, "data: field allocation: expected 3 integers, one per device, found 2"),
    (
        "fraction",
        {"data": {"allocation": [1.5, 1, 1]}},
        "data: field allocation: expected integers in SM of shape [M], found float64 values",
    ),
    ("missing", {"data": {}}, "data: field allocation: expected a value, found none"),
]


@pytest.mark.parametrize(("changes", "message"), [case[1:] for case in DECISIONS], ids=[case[0] for case in DECISIONS])
def test_spoilt_solutions(
    changes: dict[str, Any], message: str, stored: StoredInstance, as_file: Path, complaint: Callable[..., str]
) -> None:
    """A solution that does not fit is refused before anything is evaluated."""
    save_solution(Solution(allocation=[1, 1, 1]), stored.instance, as_file)
    as_file.write_text(json.dumps(json.loads(as_file.read_text()) | changes))
    assert complaint(load_solution, as_file, stored.instance) == f"{as_file}: {message}"


def test_decisions_of_another_instance(stored: StoredInstance, as_file: Path, complaint: Callable[..., str]) -> None:
    """A solution is of one instance; the same shape is not enough."""
    other = generate("p-edge", "tiny", 6, {"devices": 3}).instance
    save_solution(Solution(allocation=[1, 1, 1]), stored.instance, as_file)
    assert complaint(load_solution, as_file, other) == (
        f"{as_file}: field instance_sha256: expected {other.sha256}, found {stored.instance.sha256}: it is a solution of another instance"
    )
    save_certificate(Certificate(threshold=1.0), stored.instance, as_file)
    assert complaint(load_certificate, as_file, other).endswith("it is a certificate of another instance")


def test_certificate_without_a_number(stored: StoredInstance, as_file: Path, complaint: Callable[..., str]) -> None:
    """A bound of NaN would compare false with everything."""
    save_certificate(Certificate(threshold=1.0), stored.instance, as_file)
    as_file.write_text(as_file.read_text().replace("1.0", "NaN"))
    assert complaint(load_certificate, as_file, stored.instance) == (
        f"{as_file}: data: field threshold: input should be a finite number, found nan"
    )


def test_schemas_state_the_fixed_fields() -> None:
    """A file's problem, format and kind are constants of its schema, and nothing else may stand in it."""
    nodes = schema("p-edge")
    assert set(nodes) == {"instance", "solution", "certificate"}
    for kind, node in nodes.items():
        assert node["properties"]["problem"]["const"] == "p-edge"
        assert node["properties"]["format"]["const"] == 1
        assert node["additionalProperties"] is False
        assert node["properties"]["data"]["additionalProperties"] is False
        if kind != "instance":
            assert node["properties"]["kind"]["const"] == kind
