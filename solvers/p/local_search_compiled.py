"""Local search on one deployment interval at a multiplier on C8, compiled.

What a request costs is linear in the loads of its server (`table_compiled`), so its best server and cut are a short scan
of its options, and an exchange of deployed services is a matter of microseconds.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.solvers.p.table_compiled import UNSERVED

__all__ = ["descend", "search"]

INSERT = 0.75  # part of the redeployments that force a service in, not out
DOUBLE = 0.6  # part of the redeployments that go on at a second server, with a service that the first lost
WILD = 2.0  # power of a uniform number that scales the random factors of a redeployment, so that most are tame
HOPE = 8.0  # times the mean of what settling saves is expected of it at most
EPSILON = 1e-9  # least improvement, relative to a request's own cost, so that rounding makes no endless loops


# Below, arrays are passed one by one: Numba compiles functions of tuples of arrays five times as long, to half the speed.


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _join(own: np.ndarray, number: np.ndarray, load: np.ndarray, place: int, pair: int, width: int, most: float) -> tuple[float, int]:
    """Least cost below `most` of joining a server where the request is not, and the option that attains it (-1: none).

    `place` is t J + j, `pair` is r J + j and `width` is 3 Q.
    """
    band, compute = load[2 * place], load[2 * place + 1]
    best, a = -1, pair * width
    for q in range(number[pair]):
        if own[a] >= most:
            break
        value = own[a] + own[a + 1] * band + own[a + 2] * compute
        if value < most:
            most, best = value, q
        a += 3
    return most, best


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _alone(row: np.ndarray, load: np.ndarray, r: int, place: int) -> float:
    """What a request costs at its place beside the others: its removal saves this."""
    a, b = row[3 * r + 1], row[3 * r + 2]
    return row[3 * r] + a * (load[2 * place] - 0.5 * a) + b * (load[2 * place + 1] - 0.5 * b)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _move(
    own: np.ndarray, fail: np.ndarray, server: np.ndarray, option: np.ndarray, row: np.ndarray, load: np.ndarray, stamp: np.ndarray,
    r: int, slot: int, servers: int, width: int, new: int, q: int, clock: int
) -> None:  # fmt: skip
    """Move a request to an option of a server, or to failing, and stamp the places that it leaves and enters."""
    if server[r] >= 0:
        place = slot + server[r]
        load[2 * place] -= 0.5 * row[3 * r + 1]
        load[2 * place + 1] -= 0.5 * row[3 * r + 2]
        stamp[place] = clock
    server[r], option[r] = new, q
    if new >= 0:
        a, place = (r * servers + new) * width + 3 * q, slot + new
        for c in range(3):
            row[3 * r + c] = own[a + c]
        load[2 * place] += 0.5 * own[a + 1]
        load[2 * place + 1] += 0.5 * own[a + 2]
        stamp[place] = clock
    else:
        row[3 * r], row[3 * r + 1], row[3 * r + 2] = fail[r], 0.0, 0.0


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _best(
    own: np.ndarray, first: np.ndarray, number: np.ndarray, order: np.ndarray, fail: np.ndarray, service: np.ndarray, row: np.ndarray,
    load: np.ndarray, held: np.ndarray, stamp: np.ndarray, r: int, slot: int, at: int, since: int, banned: int, width: int, most: float
) -> tuple[float, int, int]:  # fmt: skip
    """Least cost below `most` of a request at servers that hold its service, `banned` excepted; the server and option.

    Only servers stamped after `since` are looked at; `at` is where the request is. Failing needs a server without the service.
    """
    i, servers = service[r], held.shape[1]
    best, option = UNSERVED, 0
    for n in range(r * servers, (r + 1) * servers):
        j = order[n]
        pair, place = r * servers + j, slot + j
        if first[pair] >= most:
            break
        if stamp[place] > since and held[i, j] and j != banned:
            if j == at:  # its own part of the loads is none of its costs
                load[2 * place] -= 0.5 * row[3 * r + 1]
                load[2 * place + 1] -= 0.5 * row[3 * r + 2]
            most, q = _join(own, number, load, place, pair, width, most)
            if j == at:
                load[2 * place] += 0.5 * row[3 * r + 1]
                load[2 * place + 1] += 0.5 * row[3 * r + 2]
            if q >= 0:
                best, option = j, q
    if fail[r] < most:
        missing = banned >= 0
        for j in range(servers):
            missing = missing or not held[i, j]
        if missing:
            most, best, option = fail[r], UNSERVED, 0
    return most, best, option


@njit(cache=True, error_model="numpy", nogil=True)
def descend(
    own: np.ndarray, first: np.ndarray, number: np.ndarray, order: np.ndarray, fail: np.ndarray, service: np.ndarray,
    server: np.ndarray, option: np.ndarray, row: np.ndarray, load: np.ndarray, held: np.ndarray, stamp: np.ndarray
) -> float:  # fmt: skip
    """Move single requests to their best places until none can be moved with gain, slot by slot.

    Parameters
    ----------
    own, first, number, order, fail, service
        The `Table`.
    server, option, row, load, held
        Of the `State`.
    stamp
        Positive where loads have changed since the slot was last settled, int64, shape [S * J]; cleared. In between it
        counts the moves, so that a request looks only at servers that have changed since it last did, or at all if its
        own has.

    Returns
    -------
    float
        Change of the objective, never positive.
    """
    total, servers = 0.0, held.shape[1]
    slots, width = stamp.size // servers, own.size // number.size
    users = server.size // slots
    seen = np.empty(users, dtype=np.int64)
    for t in range(slots):
        slot, clock = t * servers, 0
        for j in range(servers):
            clock = max(clock, stamp[slot + j])
        if clock == 0:
            continue
        for k in range(users):
            seen[k] = 0
        settled, k = 0, 0
        while settled < users:
            r = t * users + k
            at, since = server[r], seen[k]
            if at < 0 or stamp[slot + at] > since:
                since = -1
            now = _alone(row, load, r, slot + max(at, 0))
            most = now - EPSILON * (1.0 + abs(now))
            value, new, q = _best(own, first, number, order, fail, service, row, load, held, stamp, r, slot, at, since, -1, width, most)
            if value < most:
                clock += 1
                _move(own, fail, server, option, row, load, stamp, r, slot, servers, width, new, q, clock)
                total += value - now
                settled = 0
            seen[k] = clock
            settled += 1
            k = k + 1 if k + 1 < users else 0
        for j in range(servers):
            stamp[slot + j] = 0
    return total


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _exchange(
    own: np.ndarray, first: np.ndarray, number: np.ndarray, order: np.ndarray, fail: np.ndarray, service: np.ndarray,
    server: np.ndarray, option: np.ndarray, row: np.ndarray, load: np.ndarray, held: np.ndarray, start: np.ndarray, request: np.ndarray,
    slot_of: np.ndarray, stamp: np.ndarray, j: int, i: int, width: int, final: bool
) -> float:  # fmt: skip
    """Change of the objective if a server loses a service that it holds, or is given one that it does not hold.

    Its requests move one by one to their next best places, or to the server if they gain. Unless `final`, nothing is
    changed, and what they would do to one another is left out. Where all servers then hold the service, its requests may
    no longer fail.
    """
    change, servers, lose = 0.0, held.shape[1], held[i, j]
    forced = False
    if final:
        held[i, j] = not lose
        forced = True
        for other in range(servers):
            forced = forced and held[i, other]
    for a in range(start[i], start[i + 1]):
        r = request[a]
        at = server[r]
        if lose and at != j:
            continue
        slot = slot_of[a] * servers
        now = _alone(row, load, r, slot + max(at, 0))
        new = -1
        if lose:
            value, new, q = _best(own, first, number, order, fail, service, row, load, held, stamp, r, slot, at, -1, j, width, np.inf)
        else:
            most = np.inf if forced and at < 0 else now
            value, q = now, 0
            if first[r * servers + j] < most:
                value, q = _join(own, number, load, slot + j, r * servers + j, width, most)
                new = j if q >= 0 else -1
        if lose or new >= 0:
            change += value - now
            if final:
                _move(own, fail, server, option, row, load, stamp, r, slot, servers, width, new, q, 1)
    return change


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _uniform(random: np.ndarray) -> float:
    """Next number in [0, 1) of a xorshift generator, state uint64, shape [1]."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return float(x >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _pack(density: np.ndarray, size: np.ndarray, held: np.ndarray, room: int, j: int, picked: np.ndarray) -> int:
    """Fill the storage of a server by falling density, skipping what does not fit; what is left. Densities are used up."""
    for i in range(size.size):
        if held[i, j]:
            room += size[i]
    while True:
        best = -1
        for i in range(size.size):
            if density[i] > (density[best] if best >= 0 else 0.0):
                best = i
        if best < 0:
            return room
        density[best] = 0.0
        if size[best] <= room:
            picked[best] = True
            room -= size[best]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _copy(
    server: np.ndarray, option: np.ndarray, row: np.ndarray, load: np.ndarray, held: np.ndarray, free: np.ndarray,
    server_: np.ndarray, option_: np.ndarray, row_: np.ndarray, load_: np.ndarray, held_: np.ndarray, free_: np.ndarray
) -> None:  # fmt: skip
    """Copy a `State` onto another; loops compile in a tenth of the time of array assignments."""
    for r in range(server.size):
        server_[r], option_[r] = server[r], option[r]
        for c in range(3 * r, 3 * r + 3):
            row_[c] = row[c]
    for b in range(load.size):
        load_[b] = load[b]
    for i in range(held.shape[0]):
        for j in range(free.size):
            held_[i, j] = held[i, j]
    for j in range(free.size):
        free_[j] = free[j]


@njit(cache=True, error_model="numpy", nogil=True)
def search(
    own: np.ndarray, first: np.ndarray, number: np.ndarray, order: np.ndarray, fail: np.ndarray, service: np.ndarray,
    server: np.ndarray, option: np.ndarray, row: np.ndarray, load: np.ndarray, held: np.ndarray, free: np.ndarray, start: np.ndarray,
    request: np.ndarray, slot_of: np.ndarray, size: np.ndarray, iterations: int, temperature: float, noise: float, cutoff: float,
    random: np.ndarray
) -> tuple[float, int, float]:  # fmt: skip
    """Redeploy one server at a time, accepting what simulated annealing accepts.

    Each iteration prices the services of a random server: what those it holds would cost if they left, and what the
    others would save. It fills the storage anew by price per byte times a random factor, one service forced in or out;
    often it goes on at another server, with a service that the first lost. Then the requests of all slots concerned
    settle. What is not accepted is undone.

    Parameters
    ----------
    own, first, number, order, fail, service, server, option, row, load, held, free, start, request, slot_of, size
        The `Table`, `State` and `Demand` of the interval; the state is changed. Overfull servers are mended first.
    iterations
        Redeployments to try.
    temperature
        Of the acceptance, in the unit of the objective.
    noise
        Random factors are within 1 +- noise.
    cutoff
        What settling is expected to save at most: less promising redeployments are undone before. Adapted.
    random
        State of the generator, uint64, shape [1].

    Returns
    -------
    tuple[float, int, float]
        Change of the objective, number of redeployments accepted, new cutoff.
    """
    services, servers = held.shape
    width = own.size // number.size
    stamp = np.zeros(load.size // 2, dtype=np.int64)
    density, picked = np.empty(services), np.empty(services, dtype=np.bool_)
    server_, option_, row_ = server.copy(), option.copy(), row.copy()
    load_, held_, free_ = load.copy(), held.copy(), free.copy()
    total, accepted = 0.0, 0
    for _ in range(iterations):
        spread = noise * _uniform(random) ** WILD
        change, steps, overfull, changed, spilled = 0.0, 1 + (_uniform(random) < DOUBLE), False, False, -1
        for _step in range(steps):
            j = int(np.argmin(free))
            if free[j] < 0:
                overfull = True
            else:
                j = int(_uniform(random) * servers)
            insert = spilled >= 0 or _uniform(random) < INSERT
            forced, best = -1, 0.0
            for phase in range(3):  # price all services, take, give
                for i in range(services):
                    if phase == 0:
                        density[i] = 0.0
                        picked[i] = False
                        if start[i + 1] == start[i]:
                            continue
                    elif picked[i] != (phase == 2) or held[i, j] == picked[i]:
                        continue
                    value = _exchange(
                        own, first, number, order, fail, service, server, option, row, load, held, start, request, slot_of,
                        stamp, j, i, width, phase > 0
                    )  # fmt: skip
                    if phase == 0:
                        density[i] = abs(value) * (1.0 + spread * (2.0 * _uniform(random) - 1.0)) / size[i]
                        score = np.inf if i == spilled else _uniform(random) * (abs(value) if insert else 1.0)
                        if insert != held[i, j] and score > best:
                            forced, best = i, score
                    else:
                        change += value
                        changed = changed or start[i + 1] > start[i]
                        if value * _uniform(random) > best:
                            best, spilled = value, i
                if phase == 0:
                    if forced >= 0:
                        density[forced] = np.inf if insert else 0.0
                    free[j] = _pack(density, size, held, free[j], j, picked)
                    best = 0.0
        if not changed:
            continue
        threshold = np.inf if overfull else -temperature * np.log(1.0 - _uniform(random))
        if change < threshold + cutoff:
            saved = descend(own, first, number, order, fail, service, server, option, row, load, held, stamp)
            change += saved
            cutoff = -HOPE * saved if cutoff == np.inf else 0.95 * cutoff - 0.05 * HOPE * saved
        for place in range(stamp.size):
            stamp[place] = 0
        if change < threshold:
            total += change
            accepted += 1
            _copy(server, option, row, load, held, free, server_, option_, row_, load_, held_, free_)
        else:
            _copy(server_, option_, row_, load_, held_, free_, server, option, row, load, held, free)
    return total, accepted, cutoff
