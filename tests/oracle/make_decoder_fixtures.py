# SPDX-License-Identifier: Apache-2.0
# Writes tests/data/decoder: small random models of each architecture with the log-probs, entropies and gradients that
# transformers and torch's autograd compute for them in f32.
#
#   python tests/oracle/make_decoder_fixtures.py tests/data/decoder     (torch 2.11, transformers 5.23, safetensors)
#
# A folder holds the model as save_pretrained writes it, expected.json and gradients.safetensors: the gradient, under
# the parameters' names, of   sum over rows r of  sin(r + 1) * log_prob[r] + 0.1 * cos(r + 1) * entropy[r]
# where rows count the predicted tokens of all sequences, and log-probs are those of softmax(logits / temperature).
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

SMALL = dict(vocab_size=41, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, attn_implementation="eager")
THETA = dict(rope_theta=1000.0)

MODELS = {
    "qwen2_tied": (Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=True), torch.float32),
    "qwen2_window_yarn": (Qwen2ForCausalLM, Qwen2Config, dict(
        tie_word_embeddings=False, use_sliding_window=True, sliding_window=8, max_window_layers=1,
        rope_parameters=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, **THETA)),
        torch.float32),
    "qwen3_tied": (Qwen3ForCausalLM, Qwen3Config, dict(tie_word_embeddings=True, head_dim=8), torch.float32),
    "qwen3_untied_bf16": (Qwen3ForCausalLM, Qwen3Config, dict(
        tie_word_embeddings=False, head_dim=6, num_attention_heads=3, num_key_value_heads=1), torch.bfloat16),
    "llama_llama3": (LlamaForCausalLM, LlamaConfig, dict(
        tie_word_embeddings=False,
        rope_parameters=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=32, **THETA)), torch.float32),
    "llama_linear_bias": (LlamaForCausalLM, LlamaConfig, dict(
        tie_word_embeddings=True, attention_bias=True, head_dim=10,
        rope_parameters=dict(rope_type="linear", factor=2.0, **THETA)), torch.float16),
}
LENGTHS = [2, 17, 40, 5, 33]
TEMPERATURE = 0.7


def random_model(model_class, config_class, options, dtype):
    model = model_class(config_class(**{**SMALL, **options})).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            width = 0.2 if parameter.dim() == 2 else 0.1
            parameter.normal_(0, width)
            if "norm" in name:
                parameter.add_(1)
            parameter.copy_(parameter.to(dtype).float())
    return model


def expected(model):
    sequences, log_probs, entropies = [], [], []
    for length in LENGTHS:
        ids = torch.randint(0, SMALL["vocab_size"], (length,))
        log_p = torch.log_softmax(model(ids[None]).logits[0, :-1] / TEMPERATURE, -1)
        sequences.append(ids.tolist())
        log_probs.append(log_p.gather(-1, ids[1:, None])[:, 0])
        entropies.append(-(log_p.exp() * log_p).sum(-1))
    log_prob, entropy = torch.cat(log_probs), torch.cat(entropies)
    row = torch.arange(1, len(log_prob) + 1)
    (torch.sin(row) * log_prob + 0.1 * torch.cos(row) * entropy).sum().backward()
    return dict(temperature=TEMPERATURE, sequences=sequences, log_probs=log_prob.tolist(), entropies=entropy.tolist())


def main(out):
    torch.manual_seed(0)
    for name, (model_class, config_class, options, dtype) in MODELS.items():
        folder = out / name
        model = random_model(model_class, config_class, options, dtype)
        result = expected(model)
        gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
        model.to(dtype).save_pretrained(folder)
        save_file(gradients, folder / "gradients.safetensors")
        (folder / "expected.json").write_text(json.dumps(result) + "\n")


main(pathlib.Path(sys.argv[1]))
