# SPDX-License-Identifier: Apache-2.0
"""Generation beside transformers.generate: the same shapes, in turn, medians of tokens/s and their ratio.

    python benchmarks/rollout/generation_peers.py BENCH_ROLLOUT ORACLES [REPETITIONS]

BENCH_ROLLOUT is the benchmark's executable, ORACLES the folder with make_model.py and hf_generate.py; the Python that runs
this needs torch and transformers. Run it on a quiet machine: spinning OpenMP threads beside a busy process cost up to 50 x.
"""
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPES = {"tiny": ("128 4 4 2 384", 256, 128, 4.0), "mid": ("512 8 8 2 1536", 64, 128, 2.0)}


def grove(binary, name, sequences, tokens):
    pattern = f"generate/{name}/sequences:{sequences}/tokens:{tokens}/samples:1/threads:2/"
    out = subprocess.run([binary, f"--benchmark_filter=^{pattern}", "--benchmark_format=json"], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out)["benchmarks"][0]["tokens/s"]


def peer(oracles, model, sequences, tokens):
    out = subprocess.run([sys.executable, oracles / "hf_generate.py", model, str(sequences), "16", str(tokens)],
                         check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) tok/s", out).group(1))


def main():
    binary, oracles = sys.argv[1], Path(sys.argv[2])
    repetitions = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        for name, (sizes, sequences, tokens, goal) in SHAPES.items():
            model = Path(folder) / name
            subprocess.run([sys.executable, oracles / "make_model.py", model, *sizes.split()], check=True,
                           capture_output=True)
            ours, theirs = [], []
            for _ in range(repetitions):
                ours.append(grove(binary, name, sequences, tokens))
                theirs.append(peer(oracles, model, sequences, tokens))
            a, b = statistics.median(ours), statistics.median(theirs)
            print(f"{name} {sequences} x {tokens}: grove {a:,.0f} tokens/s, transformers {b:,.0f}, ratio {a / b:.2f} "
                  f"(goal {goal:g})", flush=True)


main()
