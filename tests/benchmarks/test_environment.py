"""The environment says where runs ran."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from mecbench.benchmarks.environment import capture


def test_capture() -> None:
    """Machine, system and versions are there, as JSON, and any difference makes another environment."""
    environment = capture()
    assert environment.processor
    assert 1 <= environment.cores <= (os.cpu_count() or 1)
    assert environment.memory_mib > 100
    assert environment.packages["numpy"]
    assert environment.calibration_seconds > 0
    assert json.loads(json.dumps(environment.to_json()))["python"] == environment.python
    assert replace(environment, cores=environment.cores + 1).id != environment.id == replace(environment).id
