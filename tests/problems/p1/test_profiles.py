"""The layer profile is what the paper's section 5.1 says."""

from __future__ import annotations

import json

import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p1 import profiles
from mecbench.problems.p1.profiles.derive import derive


def test_the_file_is_what_the_script_derives():
    """Data and derivation are one: nobody edits the file by hand."""
    assert json.loads((profiles.FOLDER / "cerl-8.json").read_text()) == derive()


def test_the_table_is_the_papers():
    """Work and outputs of the eight layers as the problem's description tabulates them, 743,844,550 cycles in all."""
    profile = profiles.load("cerl-8")
    assert profile.layer_cycles == (8355840, 44564480, 178257920, 454164000, 44564480, 11141120, 2785280, 11430)
    assert sum(profile.layer_cycles) == 743844550
    assert (profile.input_bits, *profile.layer_bits) == (786432, 262144, 1048576, 262144, 262144, 65536, 16384, 4096, 576)


def test_unknown_profiles_are_named():
    """A slip in a name is answered with those that exist."""
    with pytest.raises(InputError, match="cerl-8"):
        profiles.load("cerl")
