"""Derive the profiles of MobileNetV3-Large from its architecture: ``python -m mecbench.problems.p_edge.profiles.derive``.

Source: Howard et al., "Searching for MobileNetV3" (ICCV 2019), Table 1, at 224 x 224 pixels, with the
squeeze-and-excite widths of the authors' implementation. Biases, normalisation, activations and pooling are not
counted, as is the custom; the total of 216,589,760 MAC is published as 217 M.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

from mecbench.problems.p_edge.profiles import FOLDER

__all__ = ["documents", "main"]

IMAGE = (224, 3)  # pixels per side, channels
SOURCE = "Howard et al., Searching for MobileNetV3, ICCV 2019, Table 1 (Large, 224 x 224, squeeze-and-excite included)"

# kernel, expansion, output channels, squeeze-and-excite, stride
BOTTLENECKS = (
    (3, 16, 16, False, 1),
    (3, 64, 24, False, 2),
    (3, 72, 24, False, 1),
    (5, 72, 40, True, 2),
    (5, 120, 40, True, 1),
    (5, 120, 40, True, 1),
    (3, 240, 80, False, 2),
    (3, 200, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 480, 112, True, 1),
    (3, 672, 112, True, 1),
    (5, 672, 160, True, 2),
    (5, 960, 160, True, 1),
    (5, 960, 160, True, 1),
)
# Last layers of the eight groups: seven entries of a cut plus the tail that no cut leaves to the edge.
COARSE = ("bottleneck-1", "bottleneck-3", "bottleneck-6", "bottleneck-8", "bottleneck-10", "bottleneck-12", "bottleneck-15", "fc-2")


@dataclass(frozen=True)
class Layer:
    """One layer: its name, its operations [MAC] and its output's size [byte], one byte per value."""

    name: str
    macs: int
    output_bytes: int


def make_divisible(value: float, divisor: int = 8) -> int:
    """Nearest multiple of the divisor that is not more than a tenth below the value."""
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def layers() -> list[Layer]:
    """The network's nineteen layers, in order."""
    pixels, channels = IMAGE
    pixels, width = pixels // 2, 16
    chain = [Layer("stem", pixels**2 * width * channels * 9, pixels**2 * width)]
    channels = width
    for number, (kernel, expansion, width, squeeze, stride) in enumerate(BOTTLENECKS, start=1):
        expand = pixels**2 * channels * expansion if expansion != channels else 0
        pixels //= stride
        depthwise = pixels**2 * expansion * kernel**2
        excite = 2 * expansion * make_divisible(expansion / 4) if squeeze else 0
        project = pixels**2 * expansion * width
        chain.append(Layer(f"bottleneck-{number}", expand + depthwise + excite + project, pixels**2 * width))
        channels = width
    chain.append(Layer("conv-last", pixels**2 * channels * 960, 960))  # pooled before it is sent
    chain.append(Layer("fc-1", 960 * 1280, 1280))
    chain.append(Layer("fc-2", 1280 * 1000, 1000))
    return chain


def group(chain: list[Layer], ends: tuple[str, ...]) -> dict[str, Any]:
    """Profile whose groups end with the named layers."""
    position = {layer.name: index for index, layer in enumerate(chain)}
    bounds = [0] + [position[name] + 1 for name in ends]
    return {
        "network": "MobileNetV3-Large",
        "source": SOURCE,
        "last_layer": list(ends),
        "group_macs": [sum(layer.macs for layer in chain[low:high]) for low, high in itertools.pairwise(bounds)],
        "cut_bytes": [IMAGE[0] ** 2 * IMAGE[1]] + [chain[end - 1].output_bytes for end in bounds[1:-1]],
    }


def documents() -> dict[str, str]:
    """Text of every profile file by the profile's name."""
    chain = layers()
    profiles = (group(chain, COARSE), group(chain, tuple(layer.name for layer in chain)))
    return {f"mobilenet-v3-large-{len(profile['last_layer'])}": json.dumps(profile, indent=1) + "\n" for profile in profiles}


def main() -> None:
    """Write the files."""
    for name, text in documents().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
