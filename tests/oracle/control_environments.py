# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/control/environments.json: what Gymnasium's environments do for given actions.

Needs gymnasium (written with 1.4.0). Run from the repository root, no arguments. Each episode has its first observation;
for the first KEPT steps and the last one the state before, the action, the state after, the observation and the reward;
and how the whole episode ended.
"""
import json

import gymnasium as gym
import numpy as np

KEPT = 50


def policies():
    """(environment, name, function of state, observation and generator)."""
    uniform = lambda low, high: lambda state, generator: np.array([generator.uniform(low, high)], dtype=np.float32)
    pushed = lambda state, generator: np.array([1.7 if state[1] >= 0 else -1.7], dtype=np.float32)
    return [
        ("CartPole-v1", "random", lambda state, generator: int(generator.integers(2))),
        ("CartPole-v1", "right", lambda state, generator: 1),
        ("CartPole-v1", "balancing", lambda state, generator: int(state[2] + 0.3 * state[3] + 0.05 * state[1] > 0)),
        ("Pendulum-v1", "random", uniform(-2, 2)),
        ("Pendulum-v1", "beyond the bounds", uniform(-4, 4)),
        ("Acrobot-v1", "random", lambda state, generator: int(generator.integers(3))),
        ("Acrobot-v1", "pumping", lambda state, generator: 2 if state[3] >= 0 else 0),
        ("Acrobot-v1", "still", lambda state, generator: 1),
        ("MountainCarContinuous-v0", "random", uniform(-1, 1)),
        ("MountainCarContinuous-v0", "into the wall", lambda state, generator: np.array([-1.0], dtype=np.float32)),
        ("MountainCarContinuous-v0", "pumping beyond the bounds", pushed),
    ]


def numbers(values):
    """As short as they can be without loss in their own type."""
    return [float(str(x)) for x in values]


def episode(name, policy_name, policy, seed):
    env = gym.make(name, disable_env_checker=True)
    generator = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    out = {"env": name, "policy": policy_name, "seed": seed, "start_observation": numbers(observation), "steps": []}
    length = 0
    while True:
        before = numbers(env.unwrapped.state)
        action = policy(env.unwrapped.state, generator)
        observation, reward, terminated, truncated, _ = env.step(action)
        length += 1
        ended = terminated or truncated
        if length <= KEPT or ended:
            out["steps"].append({"before": before, "action": action if isinstance(action, int) else numbers(action),
                                 "state": numbers(env.unwrapped.state), "observation": numbers(observation),
                                 "reward": float(reward), "terminated": bool(terminated)})
        if ended:
            break
    out |= {"length": length, "terminated": bool(terminated), "truncated": bool(truncated)}
    return out


def main():
    episodes = [episode(*row, seed) for row in policies() for seed in (0, 1)]
    for e in episodes:
        print(e["env"], e["policy"], e["length"], "terminated" if e["terminated"] else "truncated")
    with open("tests/data/control/environments.json", "w") as file:
        json.dump(episodes, file, separators=(",", ":"))
        file.write("\n")


main()
