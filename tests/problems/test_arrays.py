"""Array fields: bit-identical through JSON, refused with a sentence when wrong."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.arrays import Array, ArrayModel, canonical
from mecbench.problems.errors import explain


class Sample(ArrayModel):
    """Two arrays that share a dimension."""

    problem: ClassVar[str] = "sample"
    format: ClassVar[int] = 1
    rate: Annotated[np.ndarray, Array("M", unit="bit/s", above=0)]
    table: Annotated[np.ndarray, Array("M 2", dtype=int, least=0, most=9)]


def complaint(**data):
    """The sentence a user would read."""
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"rate": [1.0], "table": [[1, 2]]} | data)
    return str(explain(caught.value, "file.json"))


@given(st.lists(st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_survive_json_bit_for_bit(values):
    """What is written reads back to the same bytes and the same hash."""
    sample = Sample(rate=values, table=[[0, 9]] * len(values))
    again = Sample.model_validate(json.loads(canonical(sample.model_dump(mode="json"))))
    assert again.rate.tobytes() == sample.rate.tobytes()
    assert again.sha256 == sample.sha256
    assert again == sample


def test_arrays_are_read_only_copies():
    """An instance cannot change under a solver's hands, nor through the array it was made from."""
    source = np.array([1.0])
    sample = Sample(rate=source, table=[[1, 2]])
    source[0] = 5.0
    assert sample.rate[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        sample.rate[0] = 2.0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"rate": [float("nan")]}, "file.json: field rate: expected finite numbers in bit/s above 0 of shape [M], found nan at [0]"),
        ({"rate": [-3.5]}, "file.json: field rate: expected finite numbers in bit/s above 0 of shape [M], found -3.5 at [0]"),
        ({"rate": [[1.0]]}, "file.json: field rate: expected finite numbers in bit/s above 0 of shape [M], found shape [1, 1]"),
        ({"rate": ["fast"]}, "file.json: field rate: expected finite numbers in bit/s above 0 of shape [M], found ['fast']"),
        (
            {"table": [[1.5, 2.0]]},
            "file.json: field table: expected integers at least 0 and at most 9 of shape [M, 2], found float64 values",
        ),
        ({"table": [[1, 10]]}, "file.json: field table: expected integers at least 0 and at most 9 of shape [M, 2], found 10 at [0, 1]"),
        (
            {"table": [[1, 2], [3]]},
            "file.json: field table: expected integers at least 0 and at most 9 of shape [M, 2], found a ragged list",
        ),
        ({"table": [[1, 2], [3, 4]]}, "file.json: expected field table to have M of length 1 as field rate has, found 2"),
        ({"table": [[1, 2, 3]]}, "file.json: expected field table to have 2 of length 2 as its definition has, found 3"),
        ({"speed": 1}, "file.json: field speed: expected no such field, found one"),
    ],
)
def test_bad_arrays_are_refused_with_one_sentence(data, sentence):
    """Each refusal names file, field, what was expected and what was found."""
    assert complaint(**data) == sentence


def test_missing_field_is_named():
    """A user learns which field is missing."""
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"rate": [1.0]})
    assert str(explain(caught.value, "file.json")) == "file.json: field table: expected a value, found none"


def test_schema_states_limits_and_units():
    """The published JSON Schema carries shape, unit and range."""
    rate = Sample.model_json_schema()["properties"]["rate"]
    assert rate["items"] == {"type": "number", "exclusiveMinimum": 0}
    assert rate["x-unit"] == "bit/s"
    table = Sample.model_json_schema()["properties"]["table"]
    assert table["items"]["minItems"] == 2


def test_identity_depends_on_content_only():
    """Equal content has one hash however it was made; any change of a value has another."""
    first = Sample(rate=[1.0], table=[[1, 2]])
    assert first.sha256 == Sample(rate=np.array([1]), table=np.array([[1, 2]], dtype=np.int8)).sha256
    assert first.sha256 != Sample(rate=[np.nextafter(1.0, 2)], table=[[1, 2]]).sha256
    assert hash(first) == hash(Sample(rate=[1.0], table=[[1, 2]]))
