"""Tidy frames of an instance of P1, from which it can be drawn without knowing the problem.

The frames ``nodes``, ``links`` and ``series`` have the columns that `mecbench.problems.p_edge.describe` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p1.instance import SERVER, Instance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]


def describe(instance: Instance) -> dict[str, pd.DataFrame]:
    """Frames ``nodes``, ``links`` and ``series`` of an instance.

    Nodes are the server and the devices at their places. Links are those to the server, and from each device to the
    nearest one that it is linked to, since all of them would hide each other. The series are what the layers compute and
    put out, how many tasks arrive in each slot, and what background load leaves of the devices.
    """
    import pandas as pd

    names = ["server", *(f"device-{n}" for n in range(1, instance.nodes))]
    nodes = pd.DataFrame(
        {
            "id": names,
            "kind": ["server", *["device"] * instance.devices],
            "label": names,
            "x": instance.position[:, 0],
            "y": instance.position[:, 1],
            "compute [GHz]": instance.frequency / 1e9,
            "mean availability [%]": instance.availability.mean(axis=1),
            "tasks [1]": np.bincount(instance.source, minlength=instance.nodes),
        }
    )
    return {"nodes": nodes, "links": _links(instance, names), "series": _series(instance)}


def _links(instance: Instance, names: list[str]) -> pd.DataFrame:
    import pandas as pd

    pairs = [(n, SERVER) for n in np.flatnonzero(instance.link[SERVER]).tolist()]
    distance = np.where(instance.link, instance.distance, np.inf)
    distance[:, SERVER] = distance[SERVER] = np.inf
    nearest = distance.argmin(axis=1)
    linked = np.flatnonzero(np.isfinite(distance.min(axis=1)))
    pairs += sorted({(min(n, m), max(n, m)) for n, m in zip(linked.tolist(), nearest[linked].tolist(), strict=True)})
    source, target = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    rate = instance.rate[source, target]
    return pd.DataFrame(
        {
            "source": [names[n] for n in source],
            "target": [names[m] for m in target],
            "kind": np.where(target == SERVER, "server in reach", "nearest device"),
            "label": [f"{value / 1e6:.1f} Mbit/s" for value in rate],
            "rate of a subcarrier [Mbit/s]": rate / 1e6,
            "distance [m]": instance.distance[source, target],
            "time of the raw input [ms]": instance.hop_time[0, source, target] * 1e3,
        }
    )


def _series(instance: Instance) -> pd.DataFrame:
    import pandas as pd

    layer, slot = np.arange(1, instance.layers + 1), np.arange(instance.slots)
    free = (instance.frequency[1:, None] * instance.availability[1:]).sum(axis=0) / 100e9
    arrivals = np.bincount(instance.release, minlength=instance.slots)
    panels = [
        _line("work of the layers", "network", layer, instance.layer_cycles / 1e6, "layer [1]", "work [Mcycle]"),
        _line("output of the layers", "network", np.arange(layer.size + 1), instance.output_bits / 1e3, "layers done [1]", "output [kbit]"),
        _line("arrivals", "trace", slot, arrivals, "time [slot]", "tasks [1]"),
        _line("compute that background load leaves", "devices", slot, free, "time [slot]", "compute of all devices [GHz]"),
    ]
    return pd.concat(panels, ignore_index=True)


def _line(panel: str, line: str, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"panel": panel, "line": line, "x": x.astype(float), "y": y.astype(float), "x_label": x_label, "y_label": y_label})
