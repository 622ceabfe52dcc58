"""The loader of the taxi traces of Porto, on samples in the real format and on everything that may be wrong with them."""

from __future__ import annotations

import gzip
import json
import logging
import math

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import Parameters
from mecbench.problems.p_marl.porto import CENTRE, follow, generate, read
from mecbench.problems.p_marl.solution import Solution

HEADER = '"TRIP_ID","CALL_TYPE","ORIGIN_CALL","ORIGIN_STAND","TAXI_ID","TIMESTAMP","DAY_TYPE","MISSING_DATA","POLYLINE"'
SIDE = 1000.0
START = 1372636858


def degrees(x, y):
    """Longitude and latitude of metres from the square's lower left corner."""
    metre = 180.0 / (math.pi * 6_371_000.0)
    east = (x - SIDE / 2) * metre / math.cos(math.radians(CENTRE[0]))
    return [round(CENTRE[1] + east, 9), round(CENTRE[0] + (y - SIDE / 2) * metre, 9)]


def row(taxi, start, places, missing="False", line=None):
    """Line of the file as the competition writes it; places in metres."""
    text = json.dumps([degrees(x, y) for x, y in places], separators=(",", ":")) if line is None else line
    return f'"{start}620000{taxi}","C","","","{taxi}","{start}","A","{missing}","{text}"'


def sample(rows):
    """A whole file."""
    return "\n".join([HEADER, *rows]) + "\n"


def straight(count, x=100.0, step=10.0):
    """Places of a trip that goes east."""
    return [(x + step * i, 300.0) for i in range(count)]


@pytest.fixture
def write(tmp_path):
    """The function that writes a file and returns its path."""

    def written(text, name="train.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


@pytest.fixture
def good():
    """Twenty trips of four taxis, some of which leave the square."""
    random = np.random.default_rng(0)
    rows = []
    for trip in range(20):
        begin, step = random.uniform(100, 900, 2), random.uniform(-40, 40, 2)
        rows.append(row(20000500 + trip % 4, START + 900 * (trip // 4), [begin + step * i for i in range(12)]))
    return rows


def test_positions_and_times_are_read_as_they_are(write):
    """Longitude comes first, metres count from the square's corner, and trips are ordered by taxi and time whatever the file's order."""
    late, early = row(7, START + 600, straight(3, 400.0)), row(7, START, straight(4, 100.0))
    traces = read(write(sample([late, row(9, START, straight(2, 700.0)), early])), SIDE)
    np.testing.assert_allclose(traces.position[:, 0], [100, 110, 120, 130, 400, 410, 420, 700, 710], atol=1e-2)
    np.testing.assert_allclose(traces.position[:, 1], 300, atol=1e-2)
    assert traces.first.tolist() == [0, 4, 7, 9]
    assert traces.start.tolist() == [START, START + 600, START]
    assert traces.taxi[0] == traces.taxi[1] != traces.taxi[2]
    assert not traces.leaves.any()
    assert traces.counts == {"kept": 3, "outside": 0, "missing": 0, "short": 0, "malformed": 0}


def test_a_trip_that_leaves_the_square_is_cut_where_it_does(write):
    """What lies outside is dropped, each stretch inside keeps its own time, and only the last one ends with the trip."""
    way = [(980.0, 300.0), (995.0, 300.0), (1010.0, 300.0), (1005.0, 300.0), (990.0, 300.0)]
    traces = read(write(sample([row(7, START, way), row(8, START, [(-900.0, 0.0), (-800.0, 0.0)])])), SIDE)
    assert traces.first.tolist() == [0, 2, 3]
    assert traces.start.tolist() == [START, START + 60]
    assert traces.leaves.tolist() == [True, False]
    assert traces.counts["outside"] == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(7, START, straight(3), missing="True"), "missing"),
        (row(7, START, [], line="[]"), "short"),
        (row(7, START, straight(1)), "short"),
        (row(7, START, [], line="[[-8.61,41.14],[-8.61"), "malformed"),
        (row(7, START, [], line="[[-8.61,41.14],[-8.61]]"), "malformed"),
        (row(7, START, [], line="[-8.61,41.14]"), "malformed"),
        (row(7, START, [], line="[[-8.61,41.14],[NaN,41.14]]"), "malformed"),
        (row(7, START, [], line="[[-8.61,41.14],[1e999,41.14]]"), "malformed"),
        (row(7, START, [], line="[[-8.61,41.14],[null,41.14]]"), "malformed"),
        (row(7, START, [], line=f"[[-8.61,41.14],[1{'0' * 400},41.14]]"), "malformed"),
        (row(7, START, [], line="[" * 5000), "malformed"),
        (row(7, START, [], line="hello"), "malformed"),
        (row(7, START, [], line="{}"), "malformed"),
        (row(7, START, [], line=""), "malformed"),
        (row(7, "soon", straight(3)), "malformed"),
        (row("", START, straight(3)), "malformed"),
        ('"1","C"', "malformed"),
        ("\x00\x01\x02", "malformed"),
        (row(7, START, straight(3)).replace("[[", "[[[", 1), "malformed"),
    ],
)
def test_bad_rows_are_counted_and_left_out(write, good, bad, reason, caplog):
    """One bad row in the middle of good ones costs that row, is counted under its reason and is told about; nothing crashes."""
    clean = read(write(sample(good)), SIDE)
    with caplog.at_level(logging.INFO):
        traces = read(write(sample([*good[:10], bad, *good[10:]])), SIDE)
    assert traces.counts == clean.counts | {reason: clean.counts[reason] + 1}
    np.testing.assert_array_equal(traces.position, clean.position)
    assert not traces.cut_short
    assert f"1 {reason}" in caplog.text


def test_a_quote_that_never_ends_costs_no_more_than_the_reader_s_limit(write, good):
    """A stray quote swallows rows until the reader gives the field up; what comes later is read again."""
    broken = good[0][:-3]  # the polyline's quote stays open
    rows = [broken, *good * 40]
    traces = read(write(sample(rows)), SIDE)
    assert traces.counts["malformed"] >= 1
    assert traces.counts["kept"] > 0


def test_a_file_cut_short_is_read_as_far_as_it_goes(write, good):
    """Plain or gzipped, the rows before the cut are kept and the cut is told; a mere missing line end is none."""
    text = sample(good)
    for data, name in ((text.encode()[:-60], "train.csv"), (gzip.compress(text.encode() * 1)[:-60], "train.csv.gz")):
        traces = read(write(data, name), SIDE)
        assert traces.cut_short
        assert 0 < traces.counts["kept"] < 20
        assert "the file is cut short" in traces.report
    assert not read(write(text.encode()[:-1]), SIDE).cut_short


def test_a_gzip_is_recognised_by_what_it_is(write, good):
    """Kaggle serves the file zipped under several names; the content decides."""
    plain = read(write(sample(good)), SIDE)
    for name in ("train.csv.gz", "train.csv"):
        np.testing.assert_array_equal(read(write(gzip.compress(sample(good).encode()), name), SIDE).position, plain.position)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a header with the columns TAXI_ID"),
        (sample([]).replace("POLYLINE", "PATH"), "found none of POLYLINE in TRIP_ID"),
        (sample([]), "expected positions within 1000 m"),
        (sample([row(7, START, [(-900.0, 0.0), (-800.0, 0.0)])]), "1 outside"),
        (b"\x1f\x8b\x00nothing", "expected a header"),
    ],
)
def test_files_without_use_are_refused_in_a_sentence(write, text, words):
    """An empty file, another file, one without positions in the square or a broken gzip names the file and what was found."""
    path = write(text)
    with pytest.raises(InputError, match=words) as refused:
        read(path, SIDE)
    assert str(path) in str(refused.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    """A missing file or a folder is the user's slip, not a traceback."""
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(InputError, match="expected a file that can be read, found"):
            read(path, SIDE)


def test_devices_follow_trips_hold_between_them_and_are_replaced(write):
    """A trip is followed position by position, a gap of its length is held, and leaving the square ends in another trip's beginning."""
    first, second = row(7, START, straight(3)), row(7, START + 15 * 5, straight(2, 500.0))
    traces = read(write(sample([first, second])), SIDE)
    recorded = follow(traces, 40, 9, 1, np.random.RandomState(0))
    expected = np.array([100, 110, 120, 120, 120, 500, 510.0])
    starts = recorded.position[0, :, 0]
    for device in np.flatnonzero(np.isclose(starts, 100, atol=0.1)):
        np.testing.assert_allclose(recorded.position[:7, device, 0], expected, atol=0.1)
        assert recorded.position[7, device, 0] == pytest.approx(100, abs=0.1) or recorded.position[7, device, 0] == pytest.approx(
            500, abs=0.1
        )
    assert 0.0 < recorded.held < 1.0
    assert recorded.replaced > 0
    leaving = read(write(sample([row(7, START, [(980.0, 0.0), (990.0, 0.0), (1100.0, 0.0)]), row(7, START + 3600, straight(2))])), SIDE)
    assert follow(leaving, 20, 8, 1, np.random.RandomState(0)).held < 0.7


def test_recorded_instances_are_instances(write, good):
    """Edges stand where taxis were, devices are in the square, a seed is an instance, and the evaluator takes its solutions."""
    traces = read(write(sample(good)), SIDE)
    parameters = Parameters(population=5, edges=2, epochs=8)
    instance = generate(traces, parameters, 3)
    assert instance.position.shape == (8, 5, 2)
    assert instance.position.min() >= 0
    assert instance.position.max() <= SIDE
    assert generate(traces, parameters, 3) == instance
    assert generate(traces, parameters, 4) != instance
    shape = (8, 5)
    local = Solution(edge=np.zeros(shape, int), cut=np.full(shape, instance.groups), allocation=np.zeros(shape, int))
    assert evaluate(instance, local).feasible
    halved = generate(traces, parameters.model_copy(update={"epoch_seconds": 30.0}), 3)
    assert halved.epoch_seconds == 30.0
    with pytest.raises(InputError, match="field epoch_seconds to be a multiple of the 15 s"):
        generate(traces, parameters.model_copy(update={"epoch_seconds": 20.0}), 3)


def test_memory_is_of_the_square_alone(write):
    """Of many rows only what lies in the square stays: a file far larger than the answer does not grow it."""
    import tracemalloc

    inside, outside = row(1, START, straight(40)), row(2, START, [(-9000.0 - i, 0.0) for i in range(200)])
    path = write(sample([inside, *[outside] * 200]))
    read(path, SIDE)  # imports
    tracemalloc.start()
    traces = read(path, SIDE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert traces.counts["outside"] == 200
    assert peak < path.stat().st_size / 4
