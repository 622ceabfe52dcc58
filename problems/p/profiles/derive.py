"""Derive the nine layer profiles from their architectures: ``python -m mecbench.problems.p.profiles.derive``.

Partition points are the convolutions and fully connected layers of LeNet and VGG, and the stem, the residual blocks
and the fully connected layer of ResNet; pooling belongs to the layer before it. Counted are weights and biases of
convolutions and fully connected layers and one MAC per product; in ResNet, whose convolutions have no bias, also two
parameters and two operations per value of batch normalisation in the blocks. Every number has four bytes.

Sources: LeCun et al. (1998) in the widths of the authors' public code for LeNet-7, which also publishes the rows of
VGG-13 and ResNet-18 that these reproduce; LeNet-9 and LeNet-12, which nobody published, continue its pattern;
Simonyan and Zisserman (2015), configurations B, D and E; He et al. (2016), with the stride of a bottleneck in its
3 x 3 convolution. LeNet has ten classes, the others 101.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mecbench.problems.p.profiles import FOLDER
from mecbench.problems.p.profiles.leakage import curve, source

__all__ = ["Layer", "documents", "main"]

BYTES = 4  # of a parameter or a value, float32

# Convolutions 3 x 3 as output channels, stages separated by pooling, then the widths of the fully connected layers.
LENET = {
    "lenet-7": (((32, 64), (128,)), (256, 10)),
    "lenet-9": (((32, 64), (64, 128, 128)), (256, 10)),
    "lenet-12": (((32, 32, 64, 64), (128, 128, 128)), (256, 128, 10)),
}
VGG = {"vgg-13": (2, 2, 2, 2, 2), "vgg-16": (2, 2, 3, 3, 3), "vgg-19": (2, 2, 4, 4, 4)}  # convolutions of the five stages
# Blocks of the four stages, and whether they are bottlenecks.
RESNET = {"resnet-18": ((2, 2, 2, 2), False), "resnet-34": ((3, 4, 6, 3), False), "resnet-50": ((3, 4, 6, 3), True)}


@dataclass(frozen=True)
class Layer:
    """Counts of one layer: parameters, operations [MAC], values of its output before and after the pooling that follows."""

    name: str
    parameters: int
    macs: int
    output: int
    pooled: int


def convolution(name: str, channels: int, width: int, pixels: int, pooled: bool) -> Layer:
    """Convolution 3 x 3 with biases that keeps its input's pixels."""
    values = width * pixels**2
    return Layer(name, channels * width * 9 + width, channels * 9 * values, values, values // 4 if pooled else values)


def connected(name: str, inputs: int, width: int) -> Layer:
    """Fully connected layer with biases."""
    return Layer(name, inputs * width + width, inputs * width, width, width)


def chain(pixels: int, stages: tuple[tuple[int, ...], ...], dense: tuple[int, ...]) -> Iterator[Layer]:
    """Layers of a plain network: stages of convolutions, each but perhaps the last ended by pooling, then dense layers."""
    channels, number = 3, 0
    for stage in stages:
        for position, width in enumerate(stage, start=1):
            number += 1
            yield convolution(f"conv-{number}", channels, width, pixels, pooled=position == len(stage))
            channels = width
        pixels //= 2
    for position, (inputs, width) in enumerate(pairwise((channels * pixels**2, *dense)), start=1):
        yield connected(f"fc-{position}", inputs, width)


def residual(stages: tuple[int, ...], bottleneck: bool) -> Iterator[Layer]:
    """Layers of a residual network of 224 pixels and 101 classes."""
    pixels, channels = 112, 64
    yield Layer("stem", 3 * channels * 49, 3 * 49 * channels * pixels**2, channels * pixels**2, channels * 56**2)
    pixels, number = 56, 0
    for stage, blocks in enumerate(stages):
        width = 64 * 2**stage
        out = 4 * width if bottleneck else width
        for position in range(blocks):
            number += 1
            stride = 2 if stage and not position else 1
            before, pixels = pixels, pixels // stride
            # Input channels, output channels, kernel and output pixels of each convolution, the shortcut's last.
            if bottleneck:
                parts = [(channels, width, 1, before), (width, width, 3, pixels), (width, out, 1, pixels)]
            else:
                parts = [(channels, width, 3, pixels), (width, out, 3, pixels)]
            if stride > 1 or channels != out:
                parts.append((channels, out, 1, pixels))
            parameters = sum(a * b * kernel**2 + 2 * b for a, b, kernel, _ in parts)
            macs = sum((a * kernel**2 + 2) * b * side**2 for a, b, kernel, side in parts)
            values = out * pixels**2
            last = number == sum(stages)
            yield Layer(f"block-{number}", parameters, macs, values, out if last else values)
            channels = out
    yield connected("fc", channels, 101)


def profile(name: str, pixels: int, layers: list[Layer]) -> dict[str, Any]:
    """Content of a profile's file."""
    return {
        "network": f"{name}, 3 x {pixels} x {pixels}",
        "layers": [layer.name for layer in layers],
        "input_bytes": BYTES * 3 * pixels**2,
        "layer_bytes": [BYTES * layer.parameters for layer in layers],
        "layer_macs": [layer.macs for layer in layers],
        "output_bytes": [BYTES * layer.output for layer in layers],
        "pooled_bytes": [BYTES * layer.pooled for layer in layers],
        "leakage_source": source(name),
        "leakage": curve(name, len(layers)),
    }


def documents() -> dict[str, str]:
    """Text of every profile file by the profile's name."""
    networks: dict[str, tuple[int, list[Layer]]] = {}
    for name, (stages, dense) in LENET.items():
        networks[name] = 32, list(chain(32, stages, dense))
    for name, (blocks, bottleneck) in RESNET.items():
        networks[name] = 224, list(residual(blocks, bottleneck))
    for name, counts in VGG.items():
        widths = tuple((width,) * count for width, count in zip((64, 128, 256, 512, 512), counts, strict=True))
        networks[name] = 224, list(chain(224, widths, (4096, 4096, 101)))
    return {name: json.dumps(profile(name, *network), indent=1) + "\n" for name, network in networks.items()}


def main() -> None:
    """Write the files."""
    for name, text in documents().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
