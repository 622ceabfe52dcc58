from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench import problems
from mecbench.instances.files import StoredInstance
from mecbench.instances.generation import Reference, generate, parameters
from mecbench.problems.p_edge import SIZES, Parameters

changes = st.fixed_dictionaries(
    {},
    optional={
        "family": st.sampled_from(["nsg-cuts", "random-cuts"]),
        "devices": st.tuples(st.integers(1, 9), st.integers(9, 20)).map(list),
        "bandwidth": st.floats(1e5, 1e9),
        "multiprocessors": st.integers(20, 99),
    },
)


@settings(deadline=None)
@given(overrides=changes, seed=st.integers(0, 10**9), sha256=st.sampled_from(["", "0123456789abcdef"]))
def test_references_read_back(overrides: dict[str, Any], seed: int, sha256: str) -> None:
    """A reference is a text that a suite, a store and a child process can pass on without losing anything."""
    reference = Reference("p-edge", "tiny", seed, overrides, sha256)
    again = Reference.parse(str(reference))
    assert str(again) == str(reference)
    assert (again.seed, again.sha256) == (seed, sha256)
    assert parameters("p-edge", "tiny", again.overrides) == parameters("p-edge", "tiny", overrides)


@pytest.mark.parametrize(
    "text",
    [
        "p-edge/tiny",
        "p-edge/tiny:",
        "p-edge/tiny:seed=x",
        "p-edge/tiny:seed=-1",
        "p-edge:seed=1",
        "/tiny:seed=1",
        "p-edge/tiny:seed=1,sha256=abc",
        "p-edge/tiny:sha256=0123456789abcdef",
    ],
)
def test_other_texts_are_no_references(text: str, complaint: Callable[..., str]) -> None:
    """The message shows the form that was expected."""
    assert complaint(Reference.parse, text) == (
        f"expected a reference to a generated instance of the form PROBLEM/SIZE:[PARAMETER=VALUE,...]seed=N[,sha256=DIGITS], found {text!r}"
    )


def test_the_hash_of_a_reference_is_checked(stored: StoredInstance, complaint: Callable[..., str]) -> None:
    """An instance drawn on demand must be the one that was stored."""
    reference = Reference("p-edge", "tiny", 5, {"devices": 3})
    assert reference.locked(stored.instance.sha256).generate().instance == stored.instance
    wrong = reference.locked("0" * 64)
    assert complaint(wrong.generate) == (
        f"p-edge/tiny:devices=3,seed=5,sha256=0000000000000000: expected a generated instance of that hash, "
        f"found {stored.instance.sha256}: it was stored by another generator"
    )


def test_a_document_says_how_to_draw_it_again() -> None:
    """Parameters and seed in a file are enough to get its instance back."""
    stored = generate("p-edge", "small", 11, {"family": "random-cuts", "bandwidth": "5e6"})
    package = problems.load(stored.problem)
    assert stored.generator.version == package.GENERATOR_VERSION
    again = package.generate(package.Parameters.model_validate(stored.generator.parameters), stored.generator.seed or 0)
    assert again == stored.instance


def test_overrides_may_be_texts() -> None:
    """``--set`` gives texts: numbers, lists and words are told apart."""
    texts = {"devices": "[4,8]", "multiprocessors": "16", "bandwidth": "5e6", "family": "random-cuts"}
    expected = Parameters(devices=(4, 8), multiprocessors=16, bandwidth=5e6, family="random-cuts")
    assert parameters("p-edge", "tiny", texts) == expected
    assert parameters("p-edge", "paper", {"devices": "null"}) == SIZES["paper"]


def test_names_are_file_names() -> None:
    """A generated instance is saved under its own name without asking."""
    assert generate("p-edge", "tiny", 7).name == "p-edge-tiny-0007"
    named = generate("p-edge", "tiny", 7, {"devices": [2, 3], "family": "random-cuts"})
    assert named.name == "p-edge-tiny-devices=2-3-family=random-cuts-0007"
    assert generate("p-edge", "tiny", 7, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("seed", "split", "expected"),
    [(3, None, "test"), (3, "test", "test"), (10_000, "valid", "valid"), (20_000, "test", "test"), (3, "shift", "shift")],
)
def test_splits(seed: int, split: Any, expected: str) -> None:
    """The seed decides; from 20,000 on, or for a shifted distribution, the user does."""
    assert generate("p-edge", "tiny", seed, split=split).split == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("p-egde", "tiny", 0), "unknown problem 'p-egde': the nearest problem names are p-edge"),
        (("p-edge", "tyni", 0), "unknown p-edge size 'tyni': the nearest p-edge size names are tiny"),
        (("p-edge", "tiny", -1), "expected a seed of at least 0, found -1"),
        (("p-edge", "tiny", 3, None, "train"), "expected a seed of split 'train' (test < 10000 <= valid < 20000 <= train), found 3"),
        (("p-edge", "tiny", 3, None, "trian"), "unknown split 'trian': the nearest split names are train"),
        (("p-edge", "tiny", 3, {"devises": 3}), "unknown p-edge parameter 'devises': the nearest p-edge parameter names are devices"),
        (("p-edge", "tiny", 3, {"tilt": "steep"}), "p-edge parameters: field tilt: input should be a valid number"),
        (
            ("p-edge", "tiny", 3, {"devices": "[3,99]"}),
            "p-edge parameters: expected field devices to rise from at least 1 to at most multiprocessors = 32, found [3, 99]",
        ),
        (("p-edge", "tiny", 3, {"profile": "vgg"}), "unknown profile 'vgg'"),
    ],
)
def test_bad_requests(arguments: tuple[Any, ...], message: str, complaint: Callable[..., str]) -> None:
    """Names come with their nearest relatives, values with what was expected."""
    assert message in complaint(generate, *arguments)
