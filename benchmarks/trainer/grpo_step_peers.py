# SPDX-License-Identifier: Apache-2.0
"""A GRPO step beside TRL's: the same model and work, in turn, medians of seconds a step and their ratio.

    python benchmarks/trainer/grpo_step_peers.py BENCH_TRAINER ORACLES [STEPS]

BENCH_TRAINER is the benchmark's executable, ORACLES the folder with make_model.py and trl_step.py; the Python that runs this
needs torch, transformers and trl. Run it on a quiet machine.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPES = {"tiny": "128 4 4 2 384", "mid": "512 8 8 2 1536"}


def grove(binary, model):
    out = subprocess.run([binary, "--benchmark_format=json", "--benchmark_filter=^grpo_step"], check=True, capture_output=True, text=True,
                         env=os.environ | {"GROVE_BENCHMARK_MODEL": str(model)}).stdout
    return next(b["real_time"] / 1e3 for b in json.loads(out)["benchmarks"] if b["name"].endswith("_median"))


def trl(oracles, model, steps):
    out = subprocess.run([sys.executable, oracles / "trl_step.py", str(model), str(steps)], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) s/step", out).group(1))


def main():
    binary, oracles = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 11
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[4:] or ["tiny"]:
            model = Path(folder) / name
            subprocess.run([sys.executable, oracles / "make_model.py", model, *SHAPES[name].split()], check=True, capture_output=True)
            peer, ours = trl(oracles, model, steps), grove(binary, model)
            print(f"{name}: TRL {peer:.3f} s/step, Grove {ours:.3f} s/step, ratio {peer / ours:.2f}")


main()
