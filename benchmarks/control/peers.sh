#!/usr/bin/env bash
# ./benchmarks/control/peers.sh RLTOOLS [ORACLES]
# PPO on Pendulum beside RLtools and Stable-Baselines3, in turn on one core (see ppo_peers.py). RLTOOLS is a checkout of
# github.com/rl-tools/rl-tools: its own example is compiled here twice, with the benchmark's flags and with its own. ORACLES is the
# folder with sb3_ppo.py. Environment: PYTHON (one that has stable-baselines3 and gymnasium; default python3), CXX, ROUNDS (default 3).
set -euo pipefail
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../../cmake/setup.sh"
[ $# -ge 1 ] || die "which folder holds RLtools? benchmarks/control/peers.sh RLTOOLS [ORACLES]"
rltools=$(realpath "$1")
example=$rltools/src/rl/environments/pendulum/ppo/cpu/training.cpp
[ -e "$example" ] || die "$rltools holds no RLtools: expected src/rl/environments/pendulum/ppo/cpu/training.cpp in it"
arguments=(--rounds "${ROUNDS:-3}")
[ $# -lt 2 ] || arguments+=(--sb3 "$(realpath "$2")")

setup benchmarks
build bench_control
mkdir -p "$root/build/peers"
for optimisation in O3 Ofast; do
  program=$root/build/peers/rltools_$optimisation
  [ "$program" -nt "$example" ] ||
    "${CXX:-g++}" -std=c++17 "-$optimisation" -march=native -DBENCHMARK -I "$rltools/include" "$example" -o "$program"
  arguments+=(--rltools "$program")
done
exec "${PYTHON:-python3}" "$root/benchmarks/control/ppo_peers.py" "$build/benchmarks/bench_control" "${arguments[@]}"
