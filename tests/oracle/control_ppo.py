# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/control/ppo.json: eight updates of PPO with a critic on given experience, in double, by autograd.

Needs torch (written with 2.11). Run from the repository root, no arguments. Two perceptrons with a Gaussian head;
advantages by the definition of GAE with bootstrapping at truncation, whitened over the batch; four minibatches in each of
two epochs, the loss of Stable-Baselines3's PPO with clipped values and an entropy bonus; Adam and clipped gradients.
"""
import json

import torch

OBSERVATION, HIDDEN, ACTIONS = 3, (8, 5), 2
GAMMA, LAMBDA, CLIP, VALUE_CLIP, VALUE_COEFFICIENT, ENTROPY_COEFFICIENT = 0.95, 0.9, 0.2, 0.1, 0.7, 0.01
RATE, MAX_NORM, EPS = 1e-2, 0.5, 1e-5
LENGTHS, TRUNCATED = (5, 11, 1, 7, 8), (True, False, True, True, False)
EPOCHS, MINIBATCHES = 2, 4


def perceptron(generator, outputs):
    sizes = (OBSERVATION, *HIDDEN, outputs)
    return [p for i, o in zip(sizes, sizes[1:])
            for p in ((torch.randn(o, i, generator=generator) / i**0.5).double(), (0.1 * torch.randn(o, generator=generator)).double())]


def forward(parameters, x):
    for layer in range(0, len(parameters), 2):
        x = x @ parameters[layer].T + parameters[layer + 1]
        if layer + 2 < len(parameters):
            x = torch.tanh(x)
    return x


def distribution(policy, log_deviation, observations):
    return torch.distributions.Normal(forward(policy, observations), log_deviation.exp().expand(len(observations), ACTIONS))


def advantages(rewards, values, after):
    """A_t = sum_l (gamma lambda)^l d_{t+l}, written as the double sum it is."""
    out, begin = torch.zeros_like(rewards), 0
    for length, truncated, final in zip(LENGTHS, TRUNCATED, after):
        nexts = torch.cat([values[begin + 1:begin + length], (final if truncated else torch.zeros(())).reshape(1)])
        deltas = rewards[begin:begin + length] + GAMMA * nexts - values[begin:begin + length]
        for t in range(length):
            out[begin + t] = sum((GAMMA * LAMBDA)**l * deltas[t + l] for l in range(length - t))
        begin += length
    return out


def main():
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator).float().double()
    policy, value = perceptron(generator, ACTIONS), perceptron(generator, 1)
    log_deviation = torch.tensor([-0.5, 0.25], dtype=torch.float64)
    parameters = [*policy, *value, log_deviation]
    n = sum(LENGTHS)
    observations, finals, rewards = draw(n, OBSERVATION), draw(len(LENGTHS), OBSERVATION), draw(n)
    start = [p.float().double() for p in parameters]
    for p, s in zip(parameters, start):
        p.copy_(s).requires_grad_()
    with torch.no_grad():
        before = distribution(policy, log_deviation, observations)
        actions = (before.mean + before.stddev * draw(n, ACTIONS)).float().double()
        old_log_prob = before.log_prob(actions).sum(-1)
        old_value = forward(value, observations).squeeze(-1)
        advantage = advantages(rewards, old_value, forward(value, finals).squeeze(-1))
        returns = advantage + old_value
        advantage = (advantage - advantage.mean()) / (advantage.var() + 1e-8).sqrt()

    optimizer = torch.optim.Adam(parameters, lr=RATE, eps=EPS)
    plan, updates = [], []
    for _ in range(EPOCHS):
        order = torch.randperm(n, generator=generator)
        for chosen in order.tensor_split(MINIBATCHES):
            now = distribution(policy, log_deviation, observations[chosen])
            ratio = (now.log_prob(actions[chosen]).sum(-1) - old_log_prob[chosen]).exp()
            a = advantage[chosen]
            surrogate = -torch.min(ratio * a, ratio.clamp(1 - CLIP, 1 + CLIP) * a).mean()
            v = forward(value, observations[chosen]).squeeze(-1)
            bounded = old_value[chosen] + (v - old_value[chosen]).clamp(-VALUE_CLIP, VALUE_CLIP)
            error = torch.max((v - returns[chosen])**2, (bounded - returns[chosen])**2).mean()
            loss = surrogate + VALUE_COEFFICIENT / 2 * error - ENTROPY_COEFFICIENT * now.entropy().sum(-1).mean()
            optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)
            optimizer.step()
            plan.append(chosen.tolist())
            updates.append({"loss": loss.item(), "norm": norm.item(), "clipped": ((ratio - 1).abs() > CLIP).double().mean().item()})
    out = {"gamma": GAMMA, "lambda": LAMBDA, "clip": CLIP, "value_clip": VALUE_CLIP, "vf_coef": VALUE_COEFFICIENT,
           "ent_coef": ENTROPY_COEFFICIENT, "rate": RATE, "max_norm": MAX_NORM, "eps": EPS, "lengths": LENGTHS,
           "truncated": TRUNCATED, "plan": plan, "updates": updates,
           "start": [p.flatten().tolist() for p in start], "shapes": [list(p.shape) for p in start],
           "final": [p.detach().flatten().tolist() for p in parameters], "observations": observations.tolist(),
           "finals": finals.tolist(), "actions": actions.tolist(), "rewards": rewards.tolist(),
           "log_probs": old_log_prob.tolist(), "returns": returns.tolist(), "advantages": advantage.tolist()}
    print([round(u["norm"], 3) for u in updates], [round(u["clipped"], 2) for u in updates])
    with open("tests/data/control/ppo.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
