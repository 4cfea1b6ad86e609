# SPDX-License-Identifier: Apache-2.0
"""The way verl and TRL compute GAE, beside `Gae` of benchmarks/advantage/estimators.cpp: padded [sequences, longest] f32
tensors on the CPU, one step of the recurrence for all sequences at a time, from the last column to the first. Lengths are
uniform in [1, 8191], 4,096 sequences, as there; ns are per token that is not padding. Needs torch.

    python benchmarks/advantage/gae_peers.py [REPEATS]
"""
import sys
import time

import torch


def gae_loop(rewards, values, mask, gamma, lam):
    """Masked steps keep what came after them, as in verl; TRL's loop is the same without that."""
    following = torch.zeros(values.shape[0])
    later = torch.zeros(values.shape[0])
    columns = []
    for t in range(values.shape[1] - 1, -1, -1):
        m = mask[:, t]
        advantage = rewards[:, t] + gamma * following - values[:, t] + gamma * lam * later
        following = values[:, t] * m + following * (1 - m)
        later = advantage * m + later * (1 - m)
        columns.append(later)
    advantages = torch.stack(columns[::-1], dim=1)
    return advantages, advantages + values


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 8192, (4096,), generator=generator)
    mask = (torch.arange(int(lengths.max()))[None] < lengths[:, None]).float()
    rewards = (torch.rand(mask.shape, generator=generator) - 0.5) * mask
    values = torch.rand(mask.shape, generator=generator) * mask
    best = float("inf")
    with torch.no_grad():
        for _ in range(repeats):
            start = time.perf_counter()
            gae_loop(rewards, values, mask, 0.99, 0.95)
            best = min(best, time.perf_counter() - start)
    tokens = int(lengths.sum())
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads: {tokens} tokens in {1e3 * best:.0f} ms, "
          f"{1e9 * best / tokens:.1f} ns/token")


if __name__ == "__main__":
    main()
