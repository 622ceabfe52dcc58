"""What takes the task longest, compiled: showing a slot to the users, and fitting services into storage.

Numba compiles on first use and keeps the result on disk. `layout.Layout` says where everything stands; arguments of
users have the shape [B K], numbered instance by instance, and what belongs to padding stays 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["place", "show_allocation", "show_association"]


@njit(cache=True)
def place(priority: np.ndarray, order: np.ndarray, service_bytes: np.ndarray, storage: np.ndarray) -> np.ndarray:
    """Deployment that takes services in an order and skips those of priority 0 and those that no longer fit.

    Parameters
    ----------
    priority, order
        Of the services at each server, shape [B, J, I].
    service_bytes, storage
        D_i [byte], shape [B, I], and S_j [byte], shape [B, J].
    """
    deployed = np.zeros(priority.shape, dtype=np.bool_)
    for world in range(priority.shape[0]):
        for server in range(priority.shape[1]):
            free = storage[world, server]
            for service in order[world, server]:
                if priority[world, server, service] > 0 and service_bytes[world, service] <= free:
                    deployed[world, server, service] = True
                    free -= service_bytes[world, service]
    return deployed


@njit(cache=True)
def show_association(
    agents: np.ndarray,
    mask: np.ndarray,
    present: np.ndarray,
    service: np.ndarray,
    batch: np.ndarray,
    last_cut: np.ndarray,
    held: np.ndarray,
    devices: np.ndarray,
) -> None:
    """Fill rows [B, A, F] and mask [B, A, max(I, J + Z)] of the association phase, 0 so far.

    Parameters
    ----------
    held
        X, shape [B, I, J].
    devices
        What is shown of each user beside its request, shape [B K, 2 J + 3] or [B K, 0].
    """
    servers = held.shape[2]
    users = present.size // agents.shape[0]
    for place in range(present.size):
        if not present[place]:
            continue
        world, agent = place // users, 2 * servers + place % users
        row, allowed, holders = agents[world, agent], mask[world, agent], held[world, service[place]]
        row[0] = service[place]
        row[1] = batch[place]
        for column in range(devices.shape[1]):
            row[2 + column] = devices[place, column]
        somewhere = False
        for server in range(servers):
            somewhere |= holders[server]
        for server in range(servers):
            allowed[server] = holders[server] or not somewhere
        for cut in range(last_cut[place] + 1):
            allowed[servers + cut] = True


@njit(cache=True)
def show_allocation(
    agents: np.ndarray,
    mask: np.ndarray,
    present: np.ndarray,
    service: np.ndarray,
    batch: np.ndarray,
    cut: np.ndarray,
    server: np.ndarray,
    hit: np.ndarray,
    servers: int,
    needs: np.ndarray,
) -> None:
    """Fill rows [B, A, F] and mask [B, A, max(I, J + Z)] of the allocation phase, 0 so far.

    Parameters
    ----------
    server
        sigma, numbered over all instances.
    needs
        What is shown of each request's needs, shape [4, B K] or [0, B K].
    """
    users = present.size // agents.shape[0]
    for place in range(present.size):
        if present[place]:
            world = place // users
            agent = 2 * servers + place % users
            row = agents[world, agent]
            row[0] = service[place]
            row[1] = batch[place]
            row[2] = cut[place]
            row[3] = server[place] - world * servers
            row[4] = hit[place]
            for column in range(needs.shape[0]):
                row[5 + column] = needs[column, place]
            mask[world, agent, 0] = hit[place]
            mask[world, agent, 1] = hit[place]
