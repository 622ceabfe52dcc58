"""What takes the task longest, compiled: reading decisions, looking their options up, and showing a slot to the users.

Numba compiles on first use and keeps the result on disk. `layout.Layout` says where everything stands; arguments of
users have the shape [B K], numbered instance by instance, and what belongs to padding stays 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["add_up", "choose", "place", "share", "show_allocation", "show_association"]


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
def choose(
    choice: np.ndarray,
    present: np.ndarray,
    service: np.ndarray,
    batch: np.ndarray,
    last_cut: np.ndarray,
    held: np.ndarray,
    option: np.ndarray,
    table: np.ndarray,
    downlink: np.ndarray,
    uplink: np.ndarray,
) -> tuple[bool, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read sigma and z, and look up what the requests need there.

    Parameters
    ----------
    choice
        Users' rows of the action, shape [B, K, at least 2].
    held
        X, shape [B, I, J].
    option, table
        Row of each request's cut 0 in the table of Omega^U, Omega^E, upload and download of one sample, shape [., 4].
    downlink, uplink
        Spectral efficiencies, shape [B, J, K].

    Returns
    -------
    tuple
        Whether every choice is one; sigma, numbered over all instances; z; whether it hits; and D Omega^U, D Omega^E, U
        and A, shape [4, B K].
    """
    count, servers, users = downlink.shape
    chosen = np.zeros(count * users, dtype=np.int64)
    cut = np.zeros(count * users, dtype=np.int64)
    hit = np.zeros(count * users, dtype=np.bool_)
    needs = np.zeros((4, count * users))
    for world in range(count):
        for user in range(users):
            place = world * users + user
            chosen[place] = world * servers
            if not present[place]:
                continue
            server, depth = np.rint(choice[world, user, 0]), choice[world, user, 1]
            if not (0 <= server < servers and depth >= 0):
                return False, chosen, cut, hit, needs
            at = int(server)
            chosen[place] += at
            cut[place] = last_cut[place] if depth > last_cut[place] else int(np.rint(depth))
            hit[place] = held[world, service[place], at]
            row = option[place] + cut[place]
            upload = batch[place] * table[row, 2] / uplink[world, at, user]
            needs[0, place] = batch[place] * table[row, 0]
            needs[1, place] = batch[place] * table[row, 1]
            needs[2, place] = upload
            needs[3, place] = upload + table[row, 3] / downlink[world, at, user]
    return True, chosen, cut, hit, needs


@njit(cache=True)
def share(fraction: np.ndarray, server: np.ndarray, hit: np.ndarray, wholes: np.ndarray) -> tuple[bool, np.ndarray]:
    """Shares of the users that hit; fractions of a server that sum to more than 1 are scaled down to 1.

    Parameters
    ----------
    fraction
        Users' rows of the action, shape [B, K, at least 2].
    server
        sigma, numbered over all instances.
    wholes
        B_j and f_j, shape [2, B J].

    Returns
    -------
    tuple
        Whether every fraction that counts is finite and at least 0; B_r and f_r, shape [2, B K].
    """
    count, users, _ = fraction.shape
    shares = np.zeros((2, server.size))
    total = np.zeros(wholes.shape)
    for world in range(count):
        for user in range(users):
            place = world * users + user
            if hit[place]:
                for column in range(2):
                    part = fraction[world, user, column]
                    if not 0 <= part < np.inf:
                        return False, shares
                    shares[column, place] = part
                    total[column, server[place]] += part
    for place in range(server.size):
        if hit[place]:
            for column in range(2):
                at = server[place]
                shares[column, place] *= wholes[column, at] / max(total[column, at], 1.0)
    return True, shares


@njit(cache=True)
def add_up(totals: np.ndarray, cost: np.ndarray, delay: np.ndarray, energy: np.ndarray, privacy: np.ndarray, hit: np.ndarray) -> None:
    """Add what users had to the totals of their instances, shape [5, B]; one after the other, so that padding changes no bit."""
    count = totals.shape[1]
    users = hit.size // count
    for world in range(count):
        for place in range(world * users, (world + 1) * users):
            totals[0, world] += cost[place]
            totals[1, world] += delay[place]
            totals[2, world] += energy[place]
            totals[3, world] += privacy[place]
            totals[4, world] += hit[place]


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
    count, _, servers = held.shape
    users = present.size // count
    for world in range(count):
        for user in range(users):
            place, agent = world * users + user, 2 * servers + user
            if not present[place]:
                continue
            agents[world, agent, 0] = service[place]
            agents[world, agent, 1] = batch[place]
            for column in range(devices.shape[1]):
                agents[world, agent, 2 + column] = devices[place, column]
            somewhere = False
            for server in range(servers):
                somewhere |= held[world, service[place], server]
            for server in range(servers):
                mask[world, agent, server] = held[world, service[place], server] or not somewhere
            for cut in range(last_cut[place] + 1):
                mask[world, agent, servers + cut] = True


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
        What is shown of each request's needs, shape [B K, 4] or [B K, 0].
    """
    count = agents.shape[0]
    users = present.size // count
    for world in range(count):
        for user in range(users):
            place, agent = world * users + user, 2 * servers + user
            if not present[place]:
                continue
            agents[world, agent, 0] = service[place]
            agents[world, agent, 1] = batch[place]
            agents[world, agent, 2] = cut[place]
            agents[world, agent, 3] = server[place] - world * servers
            agents[world, agent, 4] = hit[place]
            for column in range(needs.shape[1]):
                agents[world, agent, 5 + column] = needs[place, column]
            mask[world, agent, 0] = hit[place]
            mask[world, agent, 1] = hit[place]
