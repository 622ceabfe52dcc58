from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mecbench.instances.files import StoredInstance, instance_document
from mecbench.instances.generation import generate
from mecbench.problems.errors import InputError


@pytest.fixture(scope="session")
def stored() -> StoredInstance:
    """A tiny instance of three devices."""
    return generate("p-edge", "tiny", 5, {"devices": 3})


@pytest.fixture
def document(stored: StoredInstance) -> dict[str, Any]:
    """Its file's content, free to be spoilt."""
    return instance_document(stored)


@pytest.fixture
def complaint() -> Callable[..., str]:
    """Call a function with bad input and give back the one sentence that it says."""

    def call(function: Callable[..., Any], *arguments: Any) -> str:
        with pytest.raises(InputError) as caught:
            function(*arguments)
        sentence = str(caught.value)
        assert "\n" not in sentence
        assert len(sentence) < 600
        return sentence

    return call


@pytest.fixture
def as_file(tmp_path: Path) -> Path:
    """Path of a file in an empty folder."""
    return tmp_path / "x.json"
