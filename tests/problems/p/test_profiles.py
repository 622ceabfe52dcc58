from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mecbench.problems.errors import InputError
from mecbench.problems.p import profiles
from mecbench.problems.p.profiles import derive, leakage

KIB, MIB, GIB = 2.0**10, 2.0**20, 2.0**30


@pytest.mark.parametrize(
    ("model", "kilobytes", "megaflop"),
    [("lenet-7", 8567.2890625, 40.733184), ("vgg-13", 505330.64453125, 11304.783872), ("resnet-18", 43860.14453125, 1816.974848)],
)
def test_totals_are_the_published_ones(model: str, kilobytes: float, megaflop: float) -> None:
    """The authors publish sizes and operations of three models; ours equal them to the last digit."""
    profile = profiles.load(model)
    assert profile.layer_bytes.sum() / KIB == kilobytes
    assert profile.layer_macs.sum() / 1e6 == megaflop


@pytest.mark.parametrize(
    ("model", "points", "mebibytes", "megaflop"),
    [
        ("lenet-7", 5, 8.4, 40.73),
        ("lenet-9", 7, 9.1, 87.92),
        ("lenet-12", 10, 9.8, 163.45),
        ("resnet-18", 10, 42.8, 1816.97),
        ("resnet-34", 18, 81.4, 3669.17),
        ("resnet-50", 18, 90.5, 4107.97),
        ("vgg-13", 13, 493.5, 11304.78),
        ("vgg-16", 16, 513.7, 15466.58),
        ("vgg-19", 19, 534.0, 19628.38),
    ],
)
def test_totals_are_the_specified_ones(model: str, points: int, mebibytes: float, megaflop: float) -> None:
    """Nine models with known partition points, size and work: who re-derives them gets the same."""
    profile = profiles.load(model)
    assert len(profile.layers) == points
    assert round(profile.layer_bytes.sum() / MIB, 1) == mebibytes
    assert round(profile.layer_macs.sum() / 1e6, 2) == megaflop


def test_library_of_45_services() -> None:
    """Five files of each model need 8.71 GiB, about twice what one server stores: deployment is a real choice."""
    assert round(5 * sum(int(profiles.load(model).layer_bytes.sum()) for model in profiles.MODELS) / GIB, 2) == 8.71


def test_layers_of_lenet_by_hand() -> None:
    """Every column of the smallest network, worked out by hand."""
    profile = profiles.load("lenet-7")
    assert profile.layers == ("conv-1", "conv-2", "conv-3", "fc-1", "fc-2")
    assert profile.input_bytes == 4 * 3 * 32 * 32
    assert profile.layer_bytes.tolist() == [3584, 73984, 295424, 8389632, 10280]
    assert profile.layer_macs.tolist() == [884736, 18874368, 18874368, 2097152, 2560]
    assert profile.output_bytes.tolist() == [131072, 262144, 131072, 1024, 40]
    assert profile.pooled_bytes.tolist() == [131072, 65536, 32768, 1024, 40]


def test_blocks_of_resnet_by_hand() -> None:
    """A basic block with a shortcut and a bottleneck whose stride is in its 3 x 3 convolution, batch normalisation included."""
    basic, bottleneck = profiles.load("resnet-18"), profiles.load("resnet-50")
    assert basic.layer_bytes[0] == 4 * 64 * 3 * 49
    assert basic.output_bytes[0] == 4 * 64 * 112**2
    third = basic.layers.index("block-3")  # 64 -> 128 channels at 28 pixels
    assert basic.layer_bytes[third] == 4 * (64 * 128 * 9 + 128 * 128 * 9 + 64 * 128 + 3 * 2 * 128)
    assert basic.layer_macs[third] == (64 * 9 + 2 + 128 * 9 + 2 + 64 + 2) * 128 * 28**2
    fourth = bottleneck.layers.index("block-4")  # 256 -> 512 channels, 56 -> 28 pixels
    assert bottleneck.layer_macs[fourth] == (
        (256 + 2) * 128 * 56**2 + (128 * 9 + 2) * 128 * 28**2 + (128 + 2) * 512 * 28**2 + (256 + 2) * 512 * 28**2
    )
    assert bottleneck.pooled_bytes[-2] == 4 * 2048  # averaged over the pixels before the last layer


def test_files_are_what_the_script_derives() -> None:
    """Nobody edits a profile by hand."""
    stored = {path.stem: path.read_text(encoding="utf-8") for path in profiles.FOLDER.glob("*.json")}
    assert stored == derive.documents()
    assert set(stored) == set(profiles.MODELS)


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("lenet-7", [1, 0.999439158, 0.823166613, 0.091860519, 0]),
        (
            "resnet-18",
            [1, 0.357195995, 0.098226983, 0.062740733, 0.057299121, 0.036705882, 0.031553714, 0.026872831, 0.011614078, 0],
        ),
    ],
)
def test_published_leakage_is_kept(model: str, row: list[float]) -> None:
    """A row that never rises is taken as it stands; a rise is averaged away, and the last layer leaks nothing."""
    assert profiles.load(model).leakage.tolist() == row


def test_leakage_of_vgg_13_is_pooled_where_it_rises() -> None:
    """Layers 10 to 12 of the published row rise from 0 to 0.0616: all three take their mean."""
    found = profiles.load("vgg-13").leakage
    assert found[:9].tolist() == list(leakage.PUBLISHED["vgg-13"][:9])
    np.testing.assert_allclose(found[9:12], (0.0 + 0.061927991 + 0.061550223) / 3, atol=1e-9)
    assert found[12] == 0


def test_leakage_of_vgg_16_meets_the_figure() -> None:
    """Fig. 2 states three values, which disagree in level with VGG-13's row; both are kept, and the files say so."""
    found = profiles.load("vgg-16").leakage
    assert found[[1, 7, 13]].tolist() == [0.99, 0.59, 0.35]
    assert found[7] > 2 * profiles.load("vgg-13").leakage[6]
    for model in ("vgg-13", "vgg-16", "vgg-19"):
        assert "disagree in level" in derive.documents()[model]


@pytest.mark.parametrize(("model", "member"), [("lenet-12", "lenet-7"), ("resnet-34", "resnet-18"), ("resnet-50", "resnet-18")])
def test_leakage_of_a_family_agrees_at_equal_depth(model: str, member: str) -> None:
    """An unpublished model leaks what its family's published one does at the same relative depth."""
    deep, known = profiles.load(model).leakage, profiles.load(member).leakage
    shared = [
        (value, known[layer * known.size // deep.size - 1])
        for layer, value in enumerate(deep, start=1)
        if layer * known.size % deep.size == 0
    ]
    assert len(shared) > 1
    for value, expected in shared:
        assert value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("model", profiles.MODELS)
def test_leakage_falls_from_one_to_zero(model: str) -> None:
    """A deeper cut reveals no more: what solvers prune by, and what the instance demands."""
    found = profiles.load(model).leakage
    assert (np.diff(found) <= 0).all()
    assert 0.9 < found[0] <= 1
    assert found[-1] == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30).map(tuple))
def test_isotonic_regression_is_a_projection(row: tuple[float, ...]) -> None:
    """The nearest non-increasing row: it never rises, keeps the sum, is kept itself, and no other pooling is nearer."""
    found = leakage.isotonic(row)
    assert all(second <= first + 1e-12 for first, second in pairwise(found))
    assert sum(found) == pytest.approx(sum(row))
    np.testing.assert_allclose(leakage.isotonic(tuple(found)), found, atol=1e-12)
    # The residual of a projection onto a cone is orthogonal to it and makes an obtuse angle with every other member.
    residual = np.array(row) - found
    assert residual @ np.array(found) == pytest.approx(0, abs=1e-9)
    assert (np.cumsum(residual) <= 1e-9).all()


def test_profiles_are_read_only() -> None:
    """A profile is cached and shared: nobody may write into it."""
    with pytest.raises(ValueError, match="read-only"):
        profiles.load("vgg-16").layer_macs[0] = 1


def test_unknown_profile_names_the_nearest() -> None:
    """A slip of the pen is answered with the right name."""
    with pytest.raises(InputError, match=r"unknown profile 'vgg-17': .*vgg-1"):
        profiles.load("vgg-17")
