"""Derive the layer profile from the paper's section 5.1; ``python derive.py`` writes the file beside it.

A convolution computes, for each value that goes in and each of its kernels, 17 multiplications and additions; each takes
xi = 10 cycles. (The paper prints the formula with O for the work and without the first layer's four kernels; its list of
works has them.) The transformer's count is the paper's own measurement. Values are stored in 64 bits.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

__all__ = ["derive"]

CYCLES_PER_OPERATION = 10  # xi
OPERATIONS_PER_KERNEL = 17
BITS_PER_VALUE = 64
TRANSFORMER_OPERATIONS = 45_416_400
INPUT = (3, 64, 64)
LAYERS = (  # name, output, kernels of a convolution
    ("conv-1", (4, 32, 32), 4),
    ("conv-2", (64, 16, 16), 64),
    ("conv-3", (64, 8, 8), 64),
    ("transformer", (64, 8, 8), None),
    ("conv-4", (64, 4, 4), 64),
    ("conv-5", (64, 2, 2), 64),
    ("conv-6", (64, 1, 1), 64),
    ("fully-connected", (9,), None),
)


def derive() -> dict[str, object]:
    """Profile of the paper's network, as its file holds it."""
    outputs = [prod(shape) for _, shape, _ in LAYERS]
    operations = []
    for (name, _, kernels), values in zip(LAYERS, [prod(INPUT), *outputs], strict=False):
        if kernels is not None:
            operations.append(values * kernels * OPERATIONS_PER_KERNEL)
        else:
            operations.append(TRANSFORMER_OPERATIONS if name == "transformer" else (values + values - 1) * outputs[-1])
    return {
        "network": "CERL's on-device model",
        "source": "Tan et al. (CERL), section 5.1 and figure 3",
        "layers": [name for name, _, _ in LAYERS],
        "input_bits": BITS_PER_VALUE * prod(INPUT),
        "layer_bits": [BITS_PER_VALUE * values for values in outputs],
        "layer_cycles": [CYCLES_PER_OPERATION * count for count in operations],
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("cerl-8.json")
    path.write_text(json.dumps(derive(), indent=1) + "\n", encoding="utf-8")
