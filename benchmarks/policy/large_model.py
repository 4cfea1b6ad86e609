#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A random checkpoint of the true 1.5B shape (DeepSeek-R1-Distill-Qwen-1.5B: 1,777,088,000 parameters, 3.6 GB of bf16),
and what transformers does with it.

  large_model.py make FOLDER TOKENIZER_FOLDER   writes it, tensor by tensor
  large_model.py generate FOLDER IDS_FILE       64 greedy tokens in f32 after a prompt of 16, beside those of a file
                                                that open_rs generate wrote; seconds a token
"""
import json
import shutil
import struct
import sys
import time
from pathlib import Path

import torch

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 1536,
    "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
    "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": False, "use_sliding_window": False, "attention_dropout": 0.0, "bos_token_id": None,
    "eos_token_id": 151643, "use_cache": True, "torch_dtype": "bfloat16"}
PROMPT = "0123456789+-=abc"  # 16 tokens of the tokenizer of examples/arithmetic/model


def tensors():
    hidden, wide, keys = CONFIG["hidden_size"], CONFIG["intermediate_size"], 256
    yield "model.embed_tokens.weight", (CONFIG["vocab_size"], hidden)
    for layer in range(CONFIG["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,)
        for name, out in (("q", hidden), ("k", keys), ("v", keys)):
            yield prefix + f"self_attn.{name}_proj.weight", (out, hidden)
            yield prefix + f"self_attn.{name}_proj.bias", (out,)
        yield prefix + "self_attn.o_proj.weight", (hidden, hidden)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        yield prefix + "mlp.gate_proj.weight", (wide, hidden)
        yield prefix + "mlp.up_proj.weight", (wide, hidden)
        yield prefix + "mlp.down_proj.weight", (hidden, wide)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (CONFIG["vocab_size"], hidden)


def make(folder, tokenizer):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(tokenizer) / name, folder / name)
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors():
        size = 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = torch.Generator().manual_seed(0)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors():
            if len(shape) == 1:
                values = torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
            else:
                values = torch.randn(shape, generator=generator).mul_(0.02)
            values.to(torch.bfloat16).view(torch.int16).numpy().tofile(file)
    print(f"{at / 2:.0f} parameters, {at / 1e9:.2f} GB")


def generate(folder, ids_file):
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))
    prompt = tokenizer(PROMPT, add_special_tokens=False, return_tensors="pt").input_ids
    ours = json.loads(Path(ids_file).read_text().splitlines()[0])["ids"]
    start = time.time()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    print(f"transformers: opened in {time.time() - start:.1f} s; prompt of {prompt.shape[1]} tokens, "
          f"{torch.get_num_threads()} threads")
    with torch.no_grad():
        cache = model(prompt, use_cache=True)
        theirs, times = [], []
        for step in range(len(ours)):
            best = cache.logits[0, -1].topk(2)
            gap = (best.values[0] - best.values[1]).item()
            theirs.append(best.indices[0].item())
            if theirs[-1] != ours[step]:
                print(f"token {step} differs; the two best logits are {gap:.2g} apart")
                if gap > 1e-4:
                    sys.exit(1)
                break
            start = time.time()
            cache = model(best.indices[:1].view(1, 1), past_key_values=cache.past_key_values, use_cache=True)
            times.append(time.time() - start)
    times.sort()
    print(f"transformers: {len(theirs)} tokens equal to ours but for near-ties, median {times[len(times) // 2]:.3f} s "
          f"a token, best {times[0]:.3f}, mean {sum(times) / len(times):.3f}")


if __name__ == "__main__":
    commands = {"make": make, "generate": generate}
    if len(sys.argv) != 4 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
