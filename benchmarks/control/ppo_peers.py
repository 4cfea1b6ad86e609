# SPDX-License-Identifier: Apache-2.0
"""PPO on Pendulum beside Stable-Baselines3 and RLtools: environment steps a second on one core, in turn, medians, ratios.

    python benchmarks/control/ppo_peers.py BENCH_CONTROL [--sb3 ORACLES] [--rltools PROGRAM]... [--rounds N] [--core N]

BENCH_CONTROL is the benchmark's executable. ORACLES is the folder with sb3_ppo.py; the Python that runs this then needs
stable-baselines3 and gymnasium. PROGRAM is RLtools' example src/rl/environments/pendulum/ppo/cpu/training.cpp, compiled with
BENCHMARK defined and the flags to compare with (-O3 -march=native as the benchmark; its own are -Ofast -march=native); give
one for each set of flags. Network, minibatch, epochs and steps a collection are the peer's own in each pair. Run it on a
quiet machine.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

RLTOOLS_STEPS = (300_000 // 4096 + 1) * 4096  # what its example runs: whole collections of 4 x 1,024


def output(core, *command):
    return subprocess.run(["taskset", "-c", str(core), *map(str, command)], check=True, capture_output=True, text=True).stdout


def grove(core, binary, name):
    out = json.loads(output(core, binary, f"--benchmark_filter=^{name}/", "--benchmark_format=json"))["benchmarks"][0]
    return out["items_per_second"], out["return"]


def sb3(core, oracles):
    found = re.search(r"PPO Pendulum-v1: ([\d.]+) env steps/s, return (\S+)", output(core, sys.executable, oracles / "sb3_ppo.py"))
    return float(found[1]), float(found[2])


def rltools(core, program):
    out = output(core, program)
    return RLTOOLS_STEPS / float(re.search(r"Time: ([\d.]+)s", out)[1]), float(re.search(r"Mean return: (\S+)", out)[1])


def compare(title, rounds, peer, ours):
    """Runs both in turn, so that a change of the machine's speed meets both."""
    rows = [(peer(), ours()) for _ in range(rounds)]
    theirs, mine = (statistics.median(row[i][0] for row in rows) for i in (0, 1))
    ends = [statistics.mean(row[i][1] for row in rows) for i in (0, 1)]
    print(f"{title}: {theirs:,.0f} steps/s (return {ends[0]:.0f}), Grove {mine:,.0f} steps/s (return {ends[1]:.0f}), "
          f"ratio {mine / theirs:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench_control", type=Path)
    parser.add_argument("--sb3", type=Path, metavar="ORACLES")
    parser.add_argument("--rltools", type=Path, action="append", default=[], metavar="PROGRAM")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    binary = arguments.bench_control.resolve()
    for program in arguments.rltools:
        compare(f"RLtools ({program.name})", arguments.rounds, lambda: rltools(arguments.core, program.resolve()),
                lambda: grove(arguments.core, binary, "ppo_pendulum_rltools"))
    if arguments.sb3:
        compare("Stable-Baselines3", arguments.rounds, lambda: sb3(arguments.core, arguments.sb3.resolve()),
                lambda: grove(arguments.core, binary, "ppo_pendulum_sb3"))


main()
