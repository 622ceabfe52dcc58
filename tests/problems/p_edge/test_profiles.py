from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p_edge import profiles
from mecbench.problems.p_edge.profiles import derive


def test_total_is_the_published_one() -> None:
    """MobileNetV3-Large has 217 M multiply-accumulate operations; ours are counted to the last one."""
    assert [profiles.load(name).group_macs.sum() for name in profiles.names()] == [216_589_760, 216_589_760]


def test_groups_are_the_paper_s() -> None:
    """Eight groups give the paper's 89 actions; operations and bytes of each are known."""
    profile = profiles.load("mobilenet-v3-large-8")
    assert profile.group_macs.tolist() == [10436608, 32338432, 28863744, 18337760, 12189632, 49939968, 54448416, 10035200]
    assert profile.cut_bytes.tolist() == [150528, 200704, 75264, 31360, 15680, 15680, 21952, 7840]
    assert profile.last_layer[0] == "bottleneck-1"
    assert profile.last_layer[-1] == "fc-2"


def test_fine_profile_refines_the_coarse_one() -> None:
    """Both profiles are one network: coarse groups are unions of fine ones and cuts send the same bytes."""
    fine, coarse = profiles.load("mobilenet-v3-large-19"), profiles.load("mobilenet-v3-large-8")
    assert fine.groups == 19
    ends = [fine.last_layer.index(name) for name in coarse.last_layer]
    np.testing.assert_array_equal(np.cumsum(fine.group_macs)[ends], np.cumsum(coarse.group_macs))
    np.testing.assert_array_equal(fine.cut_bytes[[0] + [end + 1 for end in ends[:-1]]], coarse.cut_bytes)
    assert fine.cut_bytes[-2:].tolist() == [960, 1280]


def test_files_are_what_the_script_derives() -> None:
    """Nobody edits a profile by hand."""
    stored = {path.stem: path.read_text(encoding="utf-8") for path in profiles.FOLDER.glob("*.json")}
    assert stored == derive.documents()


@pytest.mark.parametrize(("value", "expected"), [(16, 16), (18, 24), (30, 32), (168, 168), (1, 8), (11, 16)])
def test_widths_are_rounded_as_the_authors_do(value: float, expected: int) -> None:
    """Squeeze-and-excite widths are multiples of eight, never more than a tenth below."""
    assert derive.make_divisible(value) == expected


def test_profiles_are_read_only() -> None:
    """A profile is cached and shared: nobody may write into it."""
    with pytest.raises(ValueError, match="read-only"):
        profiles.load("mobilenet-v3-large-8").group_macs[0] = 1


def test_unknown_profile_names_the_nearest() -> None:
    """A slip of the pen is answered with the right name."""
    with pytest.raises(InputError, match=r"unknown profile 'mobilenet-v3-large-9': .*mobilenet-v3-large-8"):
        profiles.load("mobilenet-v3-large-9")
