#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adapters as peft writes and reads them (needs peft, transformers and torch).

  peft_adapter.py write FILE            names, shapes and configuration of an adapter that peft saved, for tests/policy
  peft_adapter.py check BASE ADAPTER MERGED
                                        peft's logits of BASE with ADAPTER beside those of the model MERGED
"""
import json
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM


def write(target):
    """The model of tests/support/tiny_language_model.hpp but for its vocabulary, which has no adapter."""
    config = Qwen2Config(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=2, num_key_value_heads=1, head_dim=16, tie_word_embeddings=True)
    adapter = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM",
                         lora_dropout=0.0)
    with tempfile.TemporaryDirectory() as folder:
        model = get_peft_model(Qwen2ForCausalLM(config), adapter)
        model.peft_config["default"].base_model_name_or_path = "some/model"
        model.save_pretrained(folder)
        with safe_open(Path(folder) / "adapter_model.safetensors", "pt") as file:
            tensors = {name: list(file.get_slice(name).get_shape()) for name in sorted(file.keys())}
        written = json.loads((Path(folder) / "adapter_config.json").read_text())
    written["target_modules"] = sorted(written["target_modules"], key=["q_proj", "down_proj"].index)
    Path(target).write_text(json.dumps({"config": written, "tensors": tensors}, indent=1) + "\n")


def logits(model, tokens):
    with torch.no_grad():
        return model(input_ids=tokens).logits.float()


def check(base, adapter, merged):
    tokens = torch.randint(0, 100, (2, 24), generator=torch.Generator().manual_seed(0))
    tokens %= AutoModelForCausalLM.from_pretrained(base).config.vocab_size
    plain = logits(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), tokens)
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
    with_adapter = logits(adapted, tokens)
    whole = logits(AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32), tokens)
    moved = (with_adapter - plain).abs().max().item()
    apart = (with_adapter - whole).abs().max().item()
    scale = with_adapter.abs().max().item()
    print(f"largest logit {scale:.3g}; the adapter moves logits by up to {moved:.3g}; "
          f"peft's adapter and the merged model differ by up to {apart:.3g}")
    if not moved > 10 * apart:
        sys.exit("the adapter changes too little for a comparison")
    if not apart <= 2e-5 * scale:
        sys.exit("peft reads another model out of the adapter than the merged one")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["help"]
    if command == "write" and len(arguments) == 1:
        write(*arguments)
    elif command == "check" and len(arguments) == 3:
        check(*arguments)
    else:
        sys.exit(__doc__)
