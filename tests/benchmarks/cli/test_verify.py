from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from mecbench.instances import library

NAME = "p-edge-tiny-nsg-0000"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """Documents of an instance, its best known solution and certificate, to be spoilt and written."""
    instance = library.load(NAME)
    known = library.best_known(instance.instance)
    assert known is not None
    head = {"format": 1, "problem": "p-edge", "instance_sha256": instance.instance.sha256}
    data = instance.instance.model_dump(mode="json")
    return {
        "instance": {
            "format": 1,
            "problem": "p-edge",
            "name": NAME,
            "split": "test",
            "generator": instance.generator.model_dump(mode="json"),
            "sha256": instance.instance.sha256,
            "data": data,
        },
        "solution": head | {"kind": "solution", "data": known.solution.model_dump(mode="json")},
        "certificate": head | {"kind": "certificate", "data": known.certificate.model_dump(mode="json")},
    }


def _write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_an_infeasible_solution_names_every_violation(mecbench, files, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Exit code 1, and by how much which family is broken."""
    files["solution"]["data"]["allocation"] = [0, 40, *[1] * 6]
    path = _write(tmp_path / "solution.json", files["solution"])
    answer = mecbench("verify", NAME, path)
    assert answer.code == 1
    assert "infeasible" in answer.out
    assert answer.out.count("violated") == 2
    verdict = mecbench("verify", NAME, path, "--json").json
    assert verdict["feasible"] is False
    assert verdict["violations"] == {"least_share": {"absolute": 1.0, "relative": 1.0}, "capacity": {"absolute": 14.0, "relative": 14 / 32}}
    assert (verdict["gap"], verdict["excess"], verdict["objective"]) == (1.0, None, None)


def test_a_certificate_that_proves_too_much_is_refuted(mecbench, files, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A bound beyond the optimum costs the exit code, however good the solution."""
    files["certificate"]["data"]["threshold"] += 1e-3
    certificate = _write(tmp_path / "certificate.json", files["certificate"])
    answer = mecbench("verify", NAME, _write(tmp_path / "s.json", files["solution"]), "--certificate", certificate, "--json")
    assert answer.code == 1
    assert "is not a lower bound" in answer.json["refuted"]
    assert (answer.json["bound"], answer.json["bound_kind"]) == (None, "none")


def _spoil(field: str, value: Any) -> Any:
    return lambda document: json.dumps(document | {"data": document["data"] | {field: value}})


SPOILT = {
    "truncated JSON": (lambda d: json.dumps(d)[:-20], "cut short or damaged"),
    "wrong hash": (lambda d: json.dumps(d | {"sha256": "0" * 64}), "field sha256: expected"),
    "unknown format version": (lambda d: json.dumps(d | {"format": 99}), "field format"),
    "unknown problem": (lambda d: json.dumps(d | {"problem": "p-egde"}), "unknown problem 'p-egde': the nearest problem names are p-edge"),
    "NaN": (_spoil("edge_work", float("nan")), "edge_work"),
    "NaN in an array": (_spoil("uplink_rate", [float("nan")] * 8), "uplink_rate: expected finite"),
    "negative": (_spoil("switch_cost", [-1.0] * 8), "switch_cost: expected finite numbers at least 0"),
    "wrong shape": (_spoil("cut", [2] * 7), "expected field cut to have M of length 8"),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_instance_is_one_sentence(refused, files, tmp_path: Path, fault: str) -> None:  # type: ignore[no-untyped-def]
    """File and field are named with what was expected; no traceback, exit code 2."""
    spoil, sentence = SPOILT[fault]
    path = tmp_path / "instance.json"
    path.write_text(spoil(files["instance"]))
    assert sentence in refused("show", path)


def test_a_gzip_cut_short_is_one_sentence(refused, files, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A download that broke off is told from a bad instance."""
    path = tmp_path / "instance.json.gz"
    path.write_bytes(gzip.compress(json.dumps(files["instance"]).encode())[:-40])
    assert "expected a gzip file, found one that is cut short" in refused("show", path)


def test_a_spoilt_solution_is_one_sentence(refused, files, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Another instance's solution, a wrong shape and a certificate in its place are told apart."""
    path = _write(tmp_path / "solution.json", files["solution"])
    assert "it is a solution of another instance" in refused("verify", "p-edge-tiny-nsg-0001", path)
    _write(path, files["solution"] | {"data": {"allocation": [1, 2]}})
    assert str(path) in refused("verify", NAME, path)
    _write(path, files["certificate"])
    assert "kind" in refused("verify", NAME, path)
    assert "expected a file, found none" in refused("verify", NAME, tmp_path / "nowhere.json")
