# SPDX-License-Identifier: Apache-2.0
"""GAE beside the way verl and TRL compute it, in turn, in one run: `Gae` of benchmarks/advantage/estimators.cpp and the
loop over padded [sequences, longest] f32 tensors on the CPU, one step of the recurrence for all sequences at a time, from
the last column to the first. Lengths are uniform in [1, 8191], 4,096 sequences; ns are per token that is not padding. Prints
the medians and their ratio.

    python benchmarks/advantage/gae_peers.py BENCH_ADVANTAGE [REPEATS]

BENCH_ADVANTAGE is the benchmark's executable; the Python that runs this needs torch.
"""
import json
import statistics
import subprocess
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


def peer_batch():
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 8192, (4096,), generator=generator)
    mask = (torch.arange(int(lengths.max()))[None] < lengths[:, None]).float()
    rewards = (torch.rand(mask.shape, generator=generator) - 0.5) * mask
    values = torch.rand(mask.shape, generator=generator) * mask
    return rewards, values, mask


def peer(batch):
    start = time.perf_counter()
    with torch.no_grad():
        gae_loop(*batch, 0.99, 0.95)
    return 1e9 * (time.perf_counter() - start) / int(batch[2].sum())


def grove(binary):
    out = subprocess.run([binary, "--benchmark_filter=^Gae(, one thread)?/real_time$", "--benchmark_format=json"], check=True,
                         capture_output=True, text=True).stdout
    return {run["name"].split("/")[0]: run for run in json.loads(out)["benchmarks"]}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    batch, ours, theirs = peer_batch(), [], []
    for _ in range(repeats):
        ours.append(grove(binary))
        theirs.append(peer(batch))
    there = statistics.median(theirs)
    print(f"verl's and TRL's loop, torch {torch.__version__}, {torch.get_num_threads()} threads: {there:.1f} ns/token")
    for name, goal in ("Gae", " (goal 50)"), ("Gae, one thread", ""):
        here = statistics.median(run[name]["ns/token"] for run in ours)
        of_copy = statistics.median(run[name]["of_copy"] for run in ours)
        print(f"grove, {name}: {here:.2f} ns/token, {of_copy:.2f} of the bandwidth of a copy, ratio {there / here:.0f}{goal}")


if __name__ == "__main__":
    main()
