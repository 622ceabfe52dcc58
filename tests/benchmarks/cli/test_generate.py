from __future__ import annotations

from pathlib import Path

import pytest

from mecbench.instances import library


def test_generate_writes_consecutive_seeds(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Files read back as the instances that were announced, and a second time they are the same."""
    words = ("generate", "p-edge", "--size", "tiny", "--count", "3", "--seed", "7", "--out", tmp_path / "new" / "folder", "--json")
    rows = mecbench(*words).json
    assert [row["seed"] for row in rows] == [7, 8, 9]
    assert {row["split"] for row in rows} == {"test"}
    assert [library.load(Path(row["path"])).instance.sha256 for row in rows] == [row["instance_sha256"] for row in rows]
    assert mecbench(*words).json == rows


def test_generate_takes_settings_and_splits(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A parameter of the generator is set by name; the seed decides the split."""
    words = ("generate", "p-edge", "--size", "tiny", "--set", "devices=[3,3]", "--out", tmp_path, "--seed", "12000", "--json")
    (row,) = mecbench(*words).json
    assert row["split"] == "valid"
    assert library.load(Path(row["path"])).instance.devices == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("p-egde", "--size", "tiny"), "unknown problem 'p-egde': the nearest problem names are p-edge"),
        (("p-edge", "--size", "tny"), "unknown p-edge size 'tny'"),
        (
            ("p-edge", "--size", "tiny", "--set", "device=3"),
            "unknown p-edge parameter 'device': the nearest p-edge parameter names are devices",
        ),
        (("p-edge", "--size", "tiny", "--set", "devices"), "option --set: expected key=value, found 'devices'"),
        (("p-edge", "--size", "tiny", "--seed", "7", "--split", "train"), "expected a seed of split 'train'"),
        (("p-edge", "--size", "tiny", "--seed", "-1"), "Invalid value for '--seed'"),
        (("p-edge", "--size", "tiny", "--split", "tset"), "unknown split 'tset'"),
    ],
)
def test_generate_refuses(refused, tmp_path: Path, words, sentence) -> None:  # type: ignore[no-untyped-def]
    """Every wrong word is named with what would have been right."""
    assert sentence in refused("generate", *words, "--out", tmp_path / "none")
    assert not (tmp_path / "none").exists()


TRIPS = "TRIP_ID,CALL_TYPE,ORIGIN_CALL,ORIGIN_STAND,TAXI_ID,TIMESTAMP,DAY_TYPE,MISSING_DATA,POLYLINE\n" + "".join(
    f'{trip},C,,,{trip % 4},{1372636858 + 900 * trip},A,False,"{[[-8.611 + 1e-4 * (trip + i), 41.148 - 1e-4 * i] for i in range(12)]}"\n'
    for trip in range(9)
)


def test_devices_follow_recorded_taxis(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """One option reads the user's file; the instances say where they come from, lie within the traces, and what was read is told."""
    (tmp_path / "train.csv").write_text(TRIPS + "10,C,,,2,1372636858,A,False,oops\n")
    words = ("generate", "p-marl", "--size", "tiny", "--count", "2", "--out", tmp_path, "--json", "--porto", tmp_path / "train.csv")
    answer = mecbench(*words)
    assert [row["instance"] for row in answer.json] == ["p-marl-tiny-porto-0000", "p-marl-tiny-porto-0001"]
    assert "10 rows: 9 trips kept" in answer.err
    assert "1 malformed" in answer.err
    stored = [library.load(Path(row["path"])) for row in answer.json]
    assert {item.generator.name for item in stored} == {"p-marl/porto"}
    assert stored[0].instance.sha256 != stored[1].instance.sha256
    side = 1000.0 * stored[0].generator.parameters["area"] ** 0.5
    assert all(abs(item.instance.position - side / 2).max() < 200.0 for item in stored)


def test_traces_that_cannot_be_used_are_refused(refused, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A file that is not there, has other columns or lies elsewhere, and a problem whose devices stand still: a sentence each."""
    words, file = ("generate", "p-marl", "--size", "tiny", "--out", tmp_path / "none", "--porto"), tmp_path / "train.csv"
    assert refused(*words, file) == f"{file}: expected a file that can be read, found No such file or directory"
    file.write_text("a,b\n1,2\n")
    assert "expected a header with the columns TAXI_ID, TIMESTAMP, MISSING_DATA, POLYLINE" in refused(*words, file)
    file.write_text(TRIPS.replace("41.", "11.").replace("-8.", "-1."))
    assert "found none in 9 rows" in refused(*words, file)
    assert refused("generate", "p-edge", "--size", "tiny", "--out", tmp_path, "--porto", file) == (
        "option --porto: expected problem 'p-marl', whose devices move, found 'p-edge'"
    )
    assert not (tmp_path / "none").exists()


def test_a_path_below_a_file_is_refused_before_any_work(refused, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The sentence names the file that is in the way."""
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "folder"
    for words in (
        ("generate", "p-edge", "--size", "tiny", "--out", below),
        ("export", "p-edge-tiny-nsg-0000", "--format", "lp", "--out", below / "model.lp"),
        ("solve", "p-edge-tiny-nsg-0000", "--out", below / "solution.json"),
        ("solve", "p-edge-tiny-nsg-0000", "--certificate", below / "certificate.json"),
        ("run", "smoke", "--out", below),
    ):
        assert str(tmp_path / "file") in refused(*words)


@pytest.mark.parametrize("format", ["mps", "lp"])
def test_export_writes_a_model_that_a_solver_reads(mecbench, tmp_path: Path, format: str) -> None:  # type: ignore[no-untyped-def]
    """HiGHS solves the file to the library's optimum."""
    highspy = pytest.importorskip("highspy")
    path = tmp_path / f"model.{format}"
    answer = mecbench("export", "p-edge-tiny-nsg-0000", "--format", format, "--out", path, "--json")
    assert answer.json["path"] == str(path)
    solver = highspy.Highs()
    solver.silent()
    solver.readModel(str(path))
    solver.run()
    known = library.best_known(library.load("p-edge-tiny-nsg-0000").instance)
    assert known is not None
    assert solver.getObjectiveValue() == pytest.approx(known.objective, abs=1e-6)
