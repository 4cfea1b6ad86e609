# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/io/model_configs.jsonl: random config.json of each architecture in both spellings, what transformers
makes of them, and the inverse frequencies of its rotary embedding.

Run: python tests/oracle/model_configs.py   (needs torch and transformers >= 5; no network)
With --check FOLDER it instead loads FOLDER/*/config.json as transformers of any version does and prints, a line each,
what it understood (the test of what Grove writes).
"""

import json
import pathlib
import random
import sys

DTYPES = ["float32", "bfloat16", "float16"]


def understood(config):
    """The facts that Grove's ModelConfig holds."""
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    eos = config.eos_token_id
    window = getattr(config, "sliding_window", None)
    layers = config.num_hidden_layers
    types = getattr(config, "layer_types", None)
    if types is None:  # transformers 4: from max_window_layers on
        first = config.max_window_layers if getattr(config, "use_sliding_window", False) else layers
        types = ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
    dtype = getattr(config, "dtype", None) or getattr(config, "torch_dtype", None)
    biases = {"qwen2": (True, False)}.get(config.model_type, (getattr(config, "attention_bias", False),) * 2)
    return {
        "architecture": config.model_type,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "layers": layers,
        "heads": heads,
        "kv_heads": config.num_key_value_heads,
        "head_dim": head_dim,
        "max_position_embeddings": config.max_position_embeddings,
        "rms_norm_eps": config.rms_norm_eps,
        "tie_word_embeddings": config.tie_word_embeddings,
        "qkv_bias": biases[0],
        "output_bias": biases[1],
        "windows": [window if t == "sliding_attention" else None for t in types],
        "dtype": str(dtype).removeprefix("torch.") if dtype is not None else None,
        "bos_id": config.bos_token_id,
        "eos_ids": [] if eos is None else eos if isinstance(eos, list) else [eos],
    }


def random_rope(rng, kind, max_positions):
    if kind == "linear":
        return {"factor": rng.choice([2.0, 3.5, 8])}
    if kind == "llama3":
        low = rng.choice([1.0, 1.5])
        return {"factor": rng.choice([8.0, 32.0]), "low_freq_factor": low, "high_freq_factor": low * rng.choice([2, 4]),
                "original_max_position_embeddings": rng.choice([256, 2048, 8192])}
    if kind == "yarn":
        rope = {"factor": rng.choice([4.0, 1.0, 2.5, 40]), "original_max_position_embeddings": rng.choice([512, 4096, 32768])}
        if rng.random() < 0.3:
            del rope["original_max_position_embeddings"]
        if rng.random() < 0.15:
            rope["factor"] = None
        if rng.random() < 0.3:
            rope["attention_factor"] = rng.choice([0.8, 1.25, None])
        if rng.random() < 0.4:
            rope |= {"beta_fast": rng.choice([32, 16.0, None]), "beta_slow": rng.choice([1, 2.0])}
        if rng.random() < 0.5:
            rope |= {"mscale": rng.choice([1.0, 0.707]), "mscale_all_dim": rng.choice([1.0, 0.5, 0.0])}
        if rng.random() < 0.4:
            rope["truncate"] = rng.choice([True, False])
        return rope
    return {}


def random_config(rng, model_type, kind, modern):
    head_dim = rng.choice([4, 6, 16, 64, 128])
    heads = rng.choice([2, 4, 6])
    layers = rng.choice([1, 3, 4])
    vocab = rng.choice([300, 4096, 151936])
    config = {
        "architectures": [{"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama"}[model_type] + "ForCausalLM"],
        "model_type": model_type,
        "vocab_size": vocab,
        "hidden_size": heads * head_dim,
        "intermediate_size": rng.choice([32, 100]),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": rng.choice([n for n in range(1, heads + 1) if heads % n == 0]),
        "hidden_act": "silu",
        "max_position_embeddings": rng.choice([1024, 32768, 131072]),
        "rms_norm_eps": rng.choice([1e-6, 1e-5]),
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_cache": True,
        "transformers_version": "5.23.0" if modern else "4.49.0",
        "bos_token_id": rng.choice([None, 1]),
        "eos_token_id": rng.choice([None, 2, [2, 7], 299]),
    }
    if rng.random() < 0.7:
        config["tie_word_embeddings"] = rng.random() < 0.5
    if rng.random() < 0.8:
        config["dtype" if modern else "torch_dtype"] = rng.choice(DTYPES)
    if model_type == "qwen3" or rng.random() < 0.3:
        config["head_dim"] = head_dim
        config["hidden_size"] += rng.choice([0, heads])  # head_dim need not be hidden_size / heads
    if model_type != "qwen2" and rng.random() < 0.5:
        config["attention_bias"] = rng.random() < 0.5
    if model_type == "llama":
        config |= {"pretraining_tp": 1, "mlp_bias": False}
        if rng.random() < 0.3:
            config["num_key_value_heads"] = None
        if rng.random() < 0.3:
            del config["bos_token_id"], config["eos_token_id"]
    else:
        use_window = rng.random() < 0.5
        config |= {"use_sliding_window": use_window, "sliding_window": 512 if use_window or not modern else None,
                   "max_window_layers": rng.choice([0, 2, 28])}
        if modern and rng.random() < 0.7:
            kinds = ["full_attention", "sliding_attention"] if use_window else ["full_attention"]
            config["layer_types"] = [rng.choice(kinds) for _ in range(layers)]
        if rng.random() < 0.2:
            for key in ("use_sliding_window", "sliding_window", "max_window_layers", "layer_types"):
                config.pop(key, None)
    theta = rng.choice([10000, 10000.0, 1e6, 500000.0, 12345.678])
    rope = random_rope(rng, kind, config["max_position_embeddings"])
    if modern:
        config["rope_parameters"] = {"rope_type": kind, "rope_theta": theta, **rope}
    else:
        if rng.random() < 0.9 or kind == "llama3":
            config["rope_theta"] = theta
        config["rope_scaling"] = {rng.choice(["rope_type", "type"]): kind, **rope} if kind != "default" else None
        if kind == "yarn" and rng.random() < 0.2:
            config["original_max_position_embeddings"] = 2048
    for key in ("vocab_size", "rms_norm_eps", "max_position_embeddings", "hidden_act", "intermediate_size"):
        if rng.random() < 0.05:
            del config[key]
    return config


def write_cases():
    import torch
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
    from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding
    from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding
    from transformers import CONFIG_MAPPING

    rotary = {"qwen2": Qwen2RotaryEmbedding, "qwen3": Qwen3RotaryEmbedding, "llama": LlamaRotaryEmbedding}
    rng = random.Random(0)
    out = pathlib.Path(__file__).parent.parent / "data" / "io" / "model_configs.jsonl"
    with open(out, "w") as file:
        for number in range(96):
            model_type = ["qwen2", "qwen3", "llama"][number % 3]
            kind = ["default", "linear", "llama3", "yarn"][number // 3 % 4]
            raw = random_config(rng, model_type, kind, modern=number // 12 % 2 == 0)
            config = CONFIG_MAPPING[model_type](**json.loads(json.dumps(raw)))
            embedding = rotary[model_type](config)
            bits = embedding.inv_freq.view(torch.int32).tolist()
            case = {"config": raw, "expected": understood(config), "inverse_frequencies": bits,
                    "attention_scaling": float(embedding.attention_scaling)}
            file.write(json.dumps(case) + "\n")


def check(folder):
    from transformers import AutoConfig

    for path in sorted(pathlib.Path(folder).iterdir()):
        print(json.dumps({path.name: understood(AutoConfig.from_pretrained(path))}))


if __name__ == "__main__":
    check(sys.argv[2]) if sys.argv[1:2] == ["--check"] else write_cases()
