from __future__ import annotations

import itertools
import re
from importlib import resources

import numpy as np
import pytest

# How linear RGB looks to people without one kind of cone: Machado, Oliveira and Fernandes (2009), severity 1.
SIGHTS = {
    "all cones": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    """Colours of the curves as linear RGB, shape [colours, 3]."""
    script = (resources.files("mecbench.reports") / "templates" / "plot.js").read_text(encoding="utf-8")
    found = re.search(r"const COLOURS = \[(.*?)\];", script)
    assert found
    values = np.array([[int(name[start : start + 2], 16) for start in (0, 2, 4)] for name in re.findall(r"#(\w{6})", found.group(1))]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_curves_stand_out_from_the_page(colours: np.ndarray) -> None:
    """Three to one against white, as WCAG asks of graphics that carry meaning."""
    luminance = colours @ TO_XYZ[1]
    assert ((1.05 / (luminance + 0.05)) >= 3.0).all()


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_two_colours_look_alike(colours: np.ndarray, sight: str) -> None:
    """A reader with any kind of colour vision tells the curves of one dash apart; six colours in two dashes make twelve curves."""
    seen = (colours @ SIGHTS[sight].T).clip(0.0, 1.0) @ TO_XYZ.T / WHITE
    root = np.where(seen > 0.008856, np.cbrt(seen), 7.787 * seen + 16 / 116)
    lab = np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)
    assert len(colours) == 6
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(lab, 2)) > 15.0
