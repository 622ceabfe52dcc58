"""Models whose fields are arrays of stated shape, unit and range, and their canonical JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Array", "ArrayModel", "canonical"]


def canonical(data: Any) -> bytes:
    """Canonical JSON: sorted keys, no blanks, shortest decimals that read back to the same floats.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


@dataclass(frozen=True)
class Array:
    """Annotation of an array field, as in ``Annotated[np.ndarray, Array("M", unit="bit/s", above=0)]``.

    A field reads nested lists or arrays, holds a read-only contiguous array and writes nested lists. Equal
    dimension names of one model must have equal lengths; a digit stands for itself.

    Parameters
    ----------
    shape
        Dimension names separated by blanks, e.g. ``"M K"``.
    unit
        Unit of the values, ``"1"`` where there is none.
    dtype
        ``float`` (float64), ``int`` (int64) or ``bool``.
    least, above, most
        Closed lower, open lower and closed upper limit of the values.
    """

    shape: str
    unit: str = "1"
    dtype: type = float
    least: float | None = None
    above: float | None = None
    most: float | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(self.shape.split())

    @property
    def expectation(self) -> str:
        """What a value must be, in words."""
        kind = {float: "finite numbers", int: "integers", bool: "booleans"}[self.dtype]
        limits = [
            f"{word} {limit:g}"
            for word, limit in (("at least", self.least), ("above", self.above), ("at most", self.most))
            if limit is not None
        ]
        unit = "" if self.unit == "1" else f" in {self.unit}"
        return f"{kind}{unit}" + (f" {' and '.join(limits)}" if limits else "") + f" of shape [{', '.join(self.dimensions)}]"

    def _read(self, value: Any) -> np.ndarray:
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            raise self._refuse("a ragged list") from None
        kinds = {float: "fiu", int: "iu", bool: "b"}[self.dtype]
        if array.size and array.dtype.kind not in kinds:
            raise self._refuse(f"{array.dtype} values" if array.dtype.kind in "fiub" else f"{value!r:.60}")
        if array.ndim != len(self.dimensions):
            raise self._refuse(f"shape {list(array.shape)}")
        array = np.ascontiguousarray(array, dtype=self.dtype)
        bad = np.zeros(array.shape, dtype=bool)
        if self.dtype is float:
            bad |= ~np.isfinite(array)
        if self.least is not None:
            bad |= array < self.least
        if self.above is not None:
            bad |= array <= self.above
        if self.most is not None:
            bad |= array > self.most
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            raise self._refuse(f"{array[index]} at {list(index)}")
        array.flags.writeable = False
        return array

    def _refuse(self, found: str) -> PydanticCustomError:
        return PydanticCustomError("array", "expected {expected}, found {found}", {"expected": self.expectation, "found": found})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Schema that reads nested lists or arrays and writes nested lists."""
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(np.ndarray.tolist)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """JSON Schema: nested arrays with the limits of the values."""
        node: dict[str, Any] = {"type": {float: "number", int: "integer", bool: "boolean"}[self.dtype]}
        for key, limit in (("minimum", self.least), ("exclusiveMinimum", self.above), ("maximum", self.most)):
            if limit is not None:
                node[key] = limit
        for dimension in reversed(self.dimensions):
            node = {"type": "array", "items": node}
            if dimension.isdigit():
                node |= {"minItems": int(dimension), "maxItems": int(dimension)}
        return node | {"x-shape": list(self.dimensions), "x-unit": self.unit}


class ArrayModel(BaseModel):
    """Frozen, validated data of one problem: an instance, a solution or a certificate.

    Attributes
    ----------
    problem
        Name of the problem on the command line.
    format
        Version of the data's meaning; raised when a field changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, ignored_types=(cached_property,))
    problem: ClassVar[str]
    format: ClassVar[int]

    @model_validator(mode="after")
    def _equal_dimensions(self) -> Self:
        lengths: dict[str, tuple[int, str]] = {}
        for name, info in type(self).model_fields.items():
            for array in (item for item in info.metadata if isinstance(item, Array)):
                for dimension, length in zip(array.dimensions, getattr(self, name).shape, strict=True):
                    fixed = (int(dimension), "its definition") if dimension.isdigit() else (length, f"field {name}")
                    expected, first = lengths.setdefault(dimension, fixed)
                    if length != expected:
                        raise PydanticCustomError(
                            "shape",
                            "expected field {name} to have {dimension} of length {expected} as {first} has, found {length}",
                            {"name": name, "dimension": dimension, "expected": expected, "first": first, "length": length},
                        )
        return self

    @cached_property
    def sha256(self) -> str:
        """Identity of the content: SHA-256 of the canonical form of format, problem and data."""
        document = {"format": self.format, "problem": self.problem, "data": self.model_dump(mode="json")}
        return hashlib.sha256(canonical(document)).hexdigest()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)
