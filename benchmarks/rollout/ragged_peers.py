# SPDX-License-Identifier: Apache-2.0
"""Generation of 512 sequences of very different lengths: Grove in one call, Grove in static batches of 64, and
transformers.generate in static batches of 64, in turn; medians of wanted tokens/s and their ratios.

    python benchmarks/rollout/ragged_peers.py BENCH_ROLLOUT ORACLES [REPETITIONS]

BENCH_ROLLOUT is the benchmark's executable, ORACLES the folder with make_model.py; the Python that runs this needs torch and
transformers. Lengths are geometric of mean 256, cut at 2,048, and forced; a static batch decodes until its longest is done, and what
it decodes beyond a sequence's length counts for nothing. Run it on a quiet machine.
"""
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEQUENCES, BATCH, PROMPT, THREADS = 512, 64, 16, 2


def lengths():
    state, drawn = 0, []
    for _ in range(SEQUENCES):
        state = (1103515245 * state + 12345) & 0x7FFFFFFF
        u = (state + 0.5) / 2147483648
        drawn.append(min(2048, 1 + int(math.log1p(-u) / math.log1p(-1 / 256))))
    return drawn


def grove(binary, batch):
    name = f"ragged/sequences:{SEQUENCES}/static_batch:{batch}/threads:{THREADS}/"
    out = subprocess.run([binary, f"--benchmark_filter=^{name}", "--benchmark_format=json"], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out)["benchmarks"][0]["tokens/s"]


def transformers_batches(folder):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    wanted = lengths()
    prompts = torch.randint(3, 276, (SEQUENCES, PROMPT))
    start = time.perf_counter()
    with torch.no_grad():
        for first in range(0, SEQUENCES, BATCH):
            ids = prompts[first:first + BATCH]
            longest = max(wanted[first:first + BATCH])
            model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=0, max_new_tokens=longest,
                           min_new_tokens=longest, pad_token_id=0)
    return sum(wanted) / (time.perf_counter() - start)


def main():
    binary, oracles = sys.argv[1], Path(sys.argv[2])
    repetitions = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny"
        subprocess.run([sys.executable, oracles / "make_model.py", model, *"128 4 4 2 384".split()], check=True,
                       capture_output=True)
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))
        runs = {"continuous": [], "static": [], "transformers": []}
        for _ in range(repetitions):
            runs["continuous"].append(grove(binary, 0))
            runs["static"].append(grove(binary, BATCH))
            runs["transformers"].append(transformers_batches(model))
    median = {name: statistics.median(values) for name, values in runs.items()}
    print(f"{SEQUENCES} sequences, {sum(lengths())} tokens, lengths {min(lengths())} to {max(lengths())}")
    for name, value in median.items():
        print(f"  {name:14}{value:12,.0f} tokens/s")
    print(f"  continuous / static {median['continuous'] / median['static']:.2f} (goal 2.5), "
          f"continuous / transformers {median['continuous'] / median['transformers']:.2f} (goal 6)")


main()
