"""Tidy frames of an instance of CMG, from which it can be drawn without knowing the problem.

The frames ``nodes``, ``links`` and ``series`` have the columns that `mecbench.problems.p_edge.describe` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.instance import Instance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

POINTS = 64  # of the curve of the accuracy


def describe(instance: Instance) -> dict[str, pd.DataFrame]:
    """Frames ``nodes``, ``links`` and ``series`` of an instance.

    Nodes are the server, the eavesdropper and the devices; links are the channels to either, with mean gains as a
    planner knows them. The series are gains and harvests over time, which chunks could be offloaded alone, how much quality counts in each
    slot, and what a resolution is worth.
    """
    import pandas as pd

    devices = [f"device-{n}" for n in range(instance.devices)]
    secure = _secure_alone(instance)
    nodes = pd.concat(
        [
            pd.DataFrame({"id": ["server"], "kind": "server", "label": "server", "compute [GHz]": [instance.edge_frequency / 1e9]}),
            pd.DataFrame({"id": ["eavesdropper"], "kind": "eavesdropper", "label": "eavesdropper"}),
            pd.DataFrame(
                {
                    "id": devices,
                    "kind": "device",
                    "label": devices,
                    "compute [GHz]": instance.most_frequency / 1e9,
                    "power [W]": instance.most_power,
                    "battery at the start [J]": instance.battery,
                    "mean harvest of a slot [J]": instance.harvest.mean(axis=1),
                    "chunks secure alone [%]": 100.0 * secure.mean(axis=(1, 2)),
                }
            ),
        ],
        ignore_index=True,
    )
    return {"nodes": nodes, "links": _links(instance, devices), "series": _series(instance, secure)}


def _secure_alone(instance: Instance) -> np.ndarray:
    """Whether each chunk could be offloaded alone, with all power where that matters; shape [N, T, K]."""
    nobody = np.zeros(instance.channels.gain.shape, dtype=bool)
    margin = physics.secrecy_margin(instance.channels, nobody, np.broadcast_to(instance.most_power[:, None], nobody.shape))
    return np.swapaxes(margin, 0, 1) >= physics.SECRECY_MARGIN


def _decibel(gain: np.ndarray) -> np.ndarray:
    return 10.0 * np.log10(np.maximum(gain, 1e-30))


def _links(instance: Instance, devices: list[str]) -> pd.DataFrame:
    import pandas as pd

    frames = []
    for target, kind, gain in (("server", "uplink", instance.gain), ("eavesdropper", "overheard", instance.eavesdropper_estimate)):
        mean = _decibel(gain.mean(axis=(1, 2)))
        label = [f"{value:.1f} dB" for value in mean]
        frames.append(pd.DataFrame({"source": devices, "target": target, "kind": kind, "label": label, "mean gain [dB]": mean}))
    return pd.concat(frames, ignore_index=True)


def _series(instance: Instance, secure: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    slot = np.arange(1, instance.slots + 1)
    side = np.linspace(instance.least_resolution, instance.most_resolution, POINTS)
    accuracy = physics.accuracy(instance.accuracy_ceiling, instance.accuracy_drop, instance.accuracy_scale, side)
    panels = [
        _line("mean gain", "to the server", slot, _decibel(instance.gain.mean(axis=(0, 2))), "time [slot]", "gain [dB]"),
        _line(
            "mean gain", "to the eavesdropper", slot, _decibel(instance.eavesdropper_estimate.mean(axis=(0, 2))), "time [slot]", "gain [dB]"
        ),
        _line("chunks secure alone", "devices", slot, 100.0 * secure.mean(axis=(0, 2)), "time [slot]", "share [%]"),
        _line("mean harvest", "devices", slot, instance.harvest.mean(axis=0), "time [slot]", "energy [J]"),
        _line("weight of a slot's quality", "objective", slot, instance.running_weight, "time [slot]", "weight [1]"),
        _line("accuracy over the resolution", "objective", side, accuracy, "resolution [pixel]", "accuracy [1]"),
    ]
    return pd.concat(panels, ignore_index=True)


def _line(panel: str, line: str, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"panel": panel, "line": line, "x": x.astype(float), "y": y.astype(float), "x_label": x_label, "y_label": y_label})
