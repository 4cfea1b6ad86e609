# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/nn/cpu/sampling_warpers.json: what transformers' logits warpers keep of some rows of logits.

Needs torch and transformers (written with 2.11 and 5.23). Run from the repository root, no arguments.
"""
import json
import torch
from transformers import GenerationConfig
from transformers.generation.logits_process import LogitsProcessorList
from transformers import Qwen2Config, Qwen2ForCausalLM

ROWS = {
    "peaked": (64, 4.0),
    "flat": (64, 0.3),
    "ties": (64, 2.0),
    "masked": (64, 2.0),
    "two_blocks": (700, 2.0),
}
OPTIONS = [
    dict(temperature=1.0),
    dict(temperature=0.7),
    dict(temperature=1.0, top_k=5),
    dict(temperature=1.0, top_p=0.9),
    dict(temperature=1.0, top_p=0.01),
    dict(temperature=1.0, min_p=0.1),
    dict(temperature=0.6, top_p=0.95),
    dict(temperature=1.5, top_k=20, top_p=0.8),
    dict(temperature=0.8, top_p=0.7, min_p=0.2),
    dict(temperature=2.0, top_k=30, top_p=0.9, min_p=0.05),
]


def row(name, size, spread, generator):
    logits = torch.randn(size, generator=generator) * spread
    if name == "ties":
        logits = torch.round(logits)
    if name == "masked":
        logits[torch.arange(0, size, 3)] = -float("inf")
    return logits


def processors(options):
    """The list that `generate` itself builds, so that order and conditions are its own."""
    config = Qwen2Config(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
                         num_key_value_heads=1)
    model = Qwen2ForCausalLM(config)
    generation = GenerationConfig(**{"do_sample": True, "top_k": 0, "num_beams": 1, **options})
    generation._eos_token_tensor = None
    return model._get_logits_processor(generation_config=generation, input_ids_seq_length=1,
                                       logits_processor=LogitsProcessorList())


def lowest_ids(kept, logits):
    """torch's unstable sort keeps arbitrary ones of equal logits at top-p's border: as many, the lowest ids, instead."""
    least = logits[kept].min()
    equal = torch.nonzero(logits == least)[:, 0]
    count = int((kept & (logits == least)).sum())
    kept = kept & (logits > least)
    kept[equal[:count]] = True
    return kept


def main():
    generator = torch.Generator().manual_seed(7)
    out = []
    for name, (size, spread) in ROWS.items():
        logits = row(name, size, spread, generator)
        cases = []
        for options in OPTIONS:
            kept = processors(options)(torch.zeros(1, 1, dtype=torch.long), logits[None].clone())[0] > -float("inf")
            kept = lowest_ids(kept, logits)
            log_probs = torch.log_softmax(logits.double() / options["temperature"], -1)
            cases.append({**options, "kept": torch.nonzero(kept)[:, 0].tolist(),
                          "log_probs": [round(x, 9) for x in log_probs[kept].tolist()],
                          "kept_mass": log_probs[kept].exp().sum().item()})
        out.append({"name": name, "logits": [x if x > -float("inf") else None for x in logits.tolist()],
                    "cases": cases})
    with open("tests/data/nn/cpu/sampling_warpers.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
