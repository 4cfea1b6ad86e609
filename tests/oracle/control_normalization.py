# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/control/normalization.json: what Stable-Baselines3's VecNormalize makes of given episodes.

Needs stable_baselines3 and gymnasium (written with 2.9.2 and 1.4.0). Run from the repository root, no arguments. The
environment plays a script of observations and rewards; episodes end after LENGTH steps, terminated and truncated in turn.
Observations are doubles here, since VecNormalize would take means of singles in single precision.
"""
import json

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

ENVIRONMENTS, STEPS, LENGTH = 3, 12, 5


class Script(gym.Env):
    """Observation k of environment e is row k of its script; a reset takes the next row, too."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, observations, rewards):
        self.observations, self.rewards, self.row, self.age, self.episode = observations, rewards, 0, 0, 0

    def take(self):
        self.row += 1
        return self.observations[self.row - 1]

    def reset(self, *, seed=None, options=None):
        self.age, self.episode = 0, self.episode + 1
        return self.take(), {}

    def step(self, action):
        reward = float(self.rewards[self.row])
        self.age += 1
        ended = self.age == LENGTH
        terminated = ended and self.episode % 2 == 1
        return self.take(), reward, terminated, ended and not terminated, {}


def main():
    generator = np.random.default_rng(0)
    rows = 2 * STEPS
    observations = (generator.normal(size=(ENVIRONMENTS, rows, 2)) * [3, 0.01] + [1, -5]).astype(np.float32).astype(np.float64)
    observations[1, 4] = [400, -5]  # clipped
    rewards = generator.normal(size=(ENVIRONMENTS, rows)) * 7
    scripts = [lambda e=e: Script(observations[e], rewards[e]) for e in range(ENVIRONMENTS)]
    env = VecNormalize(DummyVecEnv(scripts), gamma=0.9)
    seen, shaped, finals = [env.reset().tolist()], [], []
    for _ in range(STEPS):
        obs, reward, dones, infos = env.step([0] * ENVIRONMENTS)
        seen.append(obs.tolist())
        shaped.append(reward.tolist())
        finals.append([info["terminal_observation"].tolist() if done else None for info, done in zip(infos, dones)])
    out = {"length": LENGTH, "gamma": 0.9, "observations": observations.tolist(), "rewards": rewards.tolist(),
           "seen": seen, "shaped": shaped, "finals": finals, "mean": env.obs_rms.mean.tolist(),
           "variance": env.obs_rms.var.tolist(), "return_variance": float(env.ret_rms.var)}
    with open("tests/data/control/normalization.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
