"""What a policy of P-MARL knows before the first epoch."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_marl.instance import Instance

__all__ = ["known"]


def known(static: dict[str, np.ndarray]) -> list[Instance]:
    """What a policy knows of each episode, as an instance of one epoch whose trace is blank.

    So a policy prices options of conditions it has seen with `options.options_at`. Places, shadowing and charges are 0 here, and
    nobody was attached before; observations have what holds.

    Parameters
    ----------
    static
        What `Task.static` gives.
    """
    worlds = []
    for row, devices in enumerate(static["devices"].tolist()):
        fields = {name: static[name][row] for name in Instance.model_fields if name in static}
        edges = len(fields["edge_position"])
        blank = {
            "position": np.zeros((1, devices, 2)),
            "shadowing": np.zeros((1, devices, edges)),
            "battery": np.zeros(devices),
            "previous_edge": np.full(devices, -1),
        }
        worlds.append(
            Instance(**{name: value if np.ndim(value) else np.asarray(value).tolist() for name, value in fields.items()}, **blank)
        )
    return worlds
