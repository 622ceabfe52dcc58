"""Tidy frames of an instance of P, from which it can be drawn without knowing the problem.

The frames ``nodes``, ``links`` and ``series`` have the columns that `mecbench.problems.p_edge.describe` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p.instance import Instance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

GIB = 2.0**30


def describe(instance: Instance) -> dict[str, pd.DataFrame]:
    """Frames ``nodes``, ``links`` and ``series`` of an instance.

    Nodes are servers and users at their places; a link joins each user to the server of strongest gain, by its mean
    over the slots where gains fade. The series are what a cut means for each model (leakage, work on the device, what
    a sample uploads), how often each service is asked for, and the samples of each slot.
    """
    import pandas as pd

    servers = [f"server-{index}" for index in range(instance.servers)]
    users = [f"user-{index}" for index in range(instance.users)]
    stations = pd.DataFrame(
        {
            "id": servers,
            "kind": "server",
            "label": servers,
            "x": instance.server_position[:, 0],
            "y": instance.server_position[:, 1],
            "compute [GFLOP/s]": instance.server_flops / 1e9,
            "transmission power [dBm]": instance.server_power,
            "storage [GiB]": instance.storage / GIB,
            "bandwidth [MHz]": instance.bandwidth / 1e6,
            "rate from the cloud [Mbit/s]": instance.cloud_rate / 1e6,
        }
    )
    devices = pd.DataFrame(
        {
            "id": users,
            "kind": "user",
            "label": users,
            "x": instance.user_position[:, 0],
            "y": instance.user_position[:, 1],
            "compute [GFLOP/s]": instance.user_flops / 1e9,
            "transmission power [dBm]": instance.user_power,
            "energy per operation [nJ/FLOP]": instance.energy_per_flop * 1e9,
            "privacy preference [1]": instance.privacy_preference,
        }
    )
    gain = instance.gain.mean(axis=0)
    best, user = gain.argmax(axis=0), np.arange(instance.users)
    uplink, downlink = (table.mean(axis=0)[best, user] for table in (instance.uplink_efficiency, instance.downlink_efficiency))
    links = pd.DataFrame(
        {
            "source": users,
            "target": [servers[index] for index in best],
            "kind": "strongest gain",
            "label": [f"{value:.0f} dB" for value in gain[best, user]],
            "gain [dB]": gain[best, user],
            "uplink efficiency [bit/s/Hz]": uplink,
            "downlink efficiency [bit/s/Hz]": downlink,
        }
    )
    return {"nodes": pd.concat([stations, devices], ignore_index=True), "links": links, "series": _series(instance)}


def _series(instance: Instance) -> pd.DataFrame:
    import pandas as pd

    counts = np.sort(np.bincount(instance.service.ravel(), minlength=instance.services))[::-1]
    cut, operations = "cut z [layer]", "work of the device for one sample [GFLOP]"
    panels = [
        _over_cuts(instance, "leakage over the cut", instance.leakage_at_cut, cut, "leakage [1]"),
        _over_cuts(instance, "work of the device over the cut", instance.device_flop / 1e9, cut, operations),
        _over_cuts(instance, "upload over the cut", instance.sent_bytes / 1024, cut, "upload of one sample [KiB]"),
        _line("requests of the services", "trace", np.arange(1, counts.size + 1), counts, "rank of the service", "requests [1]"),
        _line(
            "samples over time", "trace", np.arange(instance.slots), instance.batch.sum(axis=1), "time [slot]", "samples of all users [1]"
        ),
    ]
    return pd.concat(panels, ignore_index=True)


def _over_cuts(instance: Instance, panel: str, table: np.ndarray, x_label: str, y_label: str) -> pd.DataFrame:
    """One line per model from z = 0 to its last layer; table of shape [M, L + 1]."""
    import pandas as pd

    rows = zip(instance.models, instance.layers, table, strict=True)
    lines = [_line(panel, model, np.arange(last + 1), row[: last + 1], x_label, y_label) for model, last, row in rows]
    return pd.concat(lines, ignore_index=True)


def _line(panel: str, line: str, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"panel": panel, "line": line, "x": x.astype(float), "y": y.astype(float), "x_label": x_label, "y_label": y_label})
