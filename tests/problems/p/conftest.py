"""Small instances of P, solutions of any quality, and the scalar twin of the evaluator."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from mecbench.problems.p import Instance, Parameters, Solution, generate

CUTS = ("lenet-7", "resnet-18")  # few and many cuts, light and heavy


def draw_instance(seed: int, **overrides: object) -> Instance:
    """An instance of two models that do not fit on one server together, unless overridden."""
    parameters = {
        "servers": 2,
        "users": 3,
        "slots": 3,
        "interval": 2,
        "models": CUTS,
        "services_per_model": 1,
        "storage": (0.045, 0.045),
    }
    return generate(Parameters.model_validate(parameters | overrides), seed)


def draw_solution(instance: Instance, seed: int) -> Solution:
    """Any decisions of the right shape: deployments that may not fit, hits and failures, shares that may add up to too much."""
    random = np.random.default_rng(seed)
    shape = instance.service.shape
    deployment = random.random((instance.intervals, instance.services, instance.servers)) < 0.6
    server = random.integers(0, instance.servers, shape)
    hit = deployment[np.arange(instance.slots)[:, None] // instance.interval, instance.service, server]
    band, flops = random.uniform(0.05, 1.0, shape), random.uniform(0.05, 1.0, shape)
    return Solution(
        deployment=deployment,
        server=server,
        cut=random.integers(0, instance.cuts[instance.service] + 1),
        bandwidth=np.where(hit, band * instance.bandwidth[server], 0.0),
        compute=np.where(hit, flops * instance.server_flops[server], 0.0),
    )


def evaluate_by_hand(instance: Instance, solution: Solution) -> SimpleNamespace:
    """The paper's equations in scalars, straight from the instance's raw draws."""
    data, plan = instance.model_dump(mode="json"), solution.model_dump(mode="json")
    slots, users, servers = len(data["service"]), len(data["user_flops"]), len(data["server_flops"])
    total_cost = total_delay = 0.0
    band = [[0.0] * servers for _ in range(slots)]
    flops = [[0.0] * servers for _ in range(slots)]
    for t in range(slots):
        gains = data["gain"][t if len(data["gain"]) > 1 else 0]
        for k in range(users):
            i, batch, j, z = data["service"][t][k], data["batch"][t][k], plan["server"][t][k], plan["cut"][t][k]
            m = data["service_model"][i]
            layers, macs = data["layers"][m], data["layer_macs"][m]
            device = batch * data["flops_per_mac"] * sum(macs[:z])
            edge = batch * data["flops_per_mac"] * sum(macs[z:])
            local = batch * data["flops_per_mac"] * sum(macs)
            worth = data["privacy_base"] + data["privacy_slope"] * data["privacy_preference"][k]
            all_leaks = worth * batch * data["privacy_scale"] * data["input_bytes"][m] / 1024
            band[t][j] += plan["bandwidth"][t][k]
            flops[t][j] += plan["compute"][t][k]
            if not plan["deployment"][t // data["interval"]][i][j]:
                total_delay += data["failure_delay"]
                total_cost += data["privacy_weight"] * all_leaks + data["energy_weight"] * data["energy_per_flop"][k] * local
                continue
            noise = data["noise_density"] + data["noise_figure"] + 10 * math.log10(data["bandwidth"][j])
            uplink = math.log2(1 + 10 ** ((data["user_power"][k] + gains[j][k] - noise) / 10))
            downlink = math.log2(1 + 10 ** ((data["server_power"][j] + gains[j][k] - noise) / 10))
            sent = 8 * batch * (data["input_bytes"][m] if z == 0 else 0 if z == layers else data["output_bytes"][m][z - 1])
            received = 8 * sum(data["layer_bytes"][m][:z])

            def over(amount: float, rate: float) -> float:
                return 0.0 if amount == 0 else math.inf if rate == 0 else amount / rate

            airtime = over(sent / uplink, plan["bandwidth"][t][k])
            total_delay += device / data["user_flops"][k] + airtime + over(received / downlink, plan["bandwidth"][t][k])
            total_delay += over(edge, plan["compute"][t][k])
            watts = 10 ** (data["user_power"][k] / 10) / 1000
            energy = data["energy_per_flop"][k] * device + (watts * airtime if sent else 0.0)
            leakage = 1.0 if z == 0 else data["leakage"][m][z - 1]
            total_cost += data["privacy_weight"] * leakage * all_leaks + data["energy_weight"] * energy
    places = [(t, j) for t in range(slots) for j in range(servers)]
    sizes = [sum(data["layer_bytes"][m]) for m in data["service_model"]]
    used = [[sum(size for i, size in enumerate(sizes) if interval[i][j]) for j in range(servers)] for interval in plan["deployment"]]
    return SimpleNamespace(
        cost=total_cost / (slots * users),
        delay=total_delay / (slots * users),
        bandwidth=max(max(0.0, band[t][j] - data["bandwidth"][j]) for t, j in places),
        compute=max(max(0.0, flops[t][j] - data["server_flops"][j]) for t, j in places),
        storage=max(max(0, interval[j] - data["storage"][j]) for interval in used for j in range(servers)),
    )


@pytest.fixture(scope="session")
def draw():
    """The function that draws a small instance."""
    return draw_instance


@pytest.fixture(scope="session")
def decide():
    """The function that draws a solution of any quality."""
    return draw_solution


@pytest.fixture(scope="session")
def twin():
    """The evaluator in scalars."""
    return evaluate_by_hand
