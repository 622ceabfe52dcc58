"""SSIM leakage curves of the nine models: published where they are, interpolated within a family where not.

Sources: the authors' public code (`CODE`) for LeNet-7, ResNet-18 and VGG-13;
the paper's Fig. 2 for VGG-16. The published rows are not monotone, although a deeper cut can reveal no more than a
shallower one: each is replaced by its non-increasing isotonic regression, and what the paper fixes is forced on it,
1 for the raw input and 0 for a whole run on the device. The other models of a family take its curve at the same
relative depth.

Caveat: the curves of VGG-16 (Fig. 2) and VGG-13 (code) disagree in level, 0.59 against 0.27 near mid-depth. Both are
kept as published; VGG-19 follows Fig. 2. Compare costs across models of the VGG family with that in mind.
"""

from __future__ import annotations

import numpy as np

__all__ = ["FIGURE", "PUBLISHED", "curve", "isotonic", "source"]

CODE = "https://github.com/wanghong5233/HC-MAPPO-L"
DIGITS = 9  # as the published rows have

PUBLISHED = {
    "lenet-7": (1.0, 0.999439158, 0.823166613, 0.091860519, 0.0),
    "resnet-18": (1.0, 0.357195995, 0.098226983, 0.062740733, 0.057299121, 0.036705882, 0.031553714, 0.026872831, 0.0, 0.023228156),
    "vgg-13": (
        1.0,
        0.998206368,
        0.935591669,
        0.899232598,
        0.784201096,
        0.580814579,
        0.273470319,
        0.1001675,
        0.054949943,
        0.0,
        0.061927991,
        0.061550223,
        0.029060218,
    ),
}
FIGURE = ((0.0, 1.0), (2 / 16, 0.99), (8 / 16, 0.59), (14 / 16, 0.35), (1.0, 0.0))  # VGG-16: relative depth, SSIM
FAMILY = {"lenet": "lenet-7", "resnet": "resnet-18", "vgg": None}  # whose curve the unpublished models take; none for the figure's


def isotonic(row: tuple[float, ...]) -> list[float]:
    """Non-increasing row nearest in least squares, by pooling adjacent violators with equal weights."""
    pools: list[tuple[float, int]] = []  # sum and length of runs whose means do not rise
    for value in row:
        total, length = value, 1
        while pools and pools[-1][0] / pools[-1][1] < total / length:
            before, count = pools.pop()
            total, length = total + before, length + count
        pools.append((total, length))
    return [total / length for total, length in pools for _ in range(length)]


def curve(name: str, layers: int) -> list[float]:
    """Lea after layer 1..L of a model, non-increasing from at most 1 to 0; L values.

    Parameters
    ----------
    name
        Family and depth, e.g. ``"vgg-16"``.
    layers
        L, partition points beside the raw input.
    """
    if name in PUBLISHED:
        return [round(value, DIGITS) for value in isotonic(PUBLISHED[name])[:-1]] + [0.0]
    from scipy.interpolate import PchipInterpolator

    depth, leakage = _family(name)
    values = PchipInterpolator(depth, leakage)(np.arange(1, layers + 1) / layers)
    return [round(float(value), DIGITS) for value in np.clip(values, 0.0, 1.0)]


def _family(name: str) -> tuple[list[float], list[float]]:
    """Points of the curve that a family's unpublished models share: relative depths from 0 to 1, and Lea there."""
    member = FAMILY[name.split("-")[0]]
    if member is None:
        depth, leakage = zip(*FIGURE, strict=True)
        return list(depth), list(leakage)
    layers = len(PUBLISHED[member])
    return [number / layers for number in range(layers + 1)], [1.0, *curve(member, layers)]


def source(name: str) -> str:
    """Where a model's curve comes from, in words."""
    family = name.split("-")[0]
    member = FAMILY[family]
    if name in PUBLISHED:
        origin = f"row of {CODE}, isotonic regression, 0 forced at the last layer"
    elif member:
        origin = f"PCHIP in relative depth through the curve of {member}"
    else:
        origin = "PCHIP in relative depth through SSIM 0.99, 0.59 and 0.35 after layers 2, 8 and 14 of VGG-16 (the paper's Fig. 2)"
    return origin + ("; VGG-13 of the code and VGG-16 of the figure disagree in level" if family == "vgg" else "")
