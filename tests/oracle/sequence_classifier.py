# SPDX-License-Identifier: Apache-2.0
# Writes tests/data/reward/classifier: a small random *ForSequenceClassification model of each architecture with the
# scores that transformers computes in f32.
#
#   python tests/oracle/sequence_classifier.py tests/data/reward/classifier     (torch 2.11, transformers 5.23)
import json
import pathlib
import sys

import torch
from transformers import (LlamaConfig, LlamaForSequenceClassification, Qwen2Config, Qwen2ForSequenceClassification,
                          Qwen3Config, Qwen3ForSequenceClassification)

SMALL = dict(vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=128, attn_implementation="eager", num_labels=1,
             pad_token_id=3)
MODELS = {
    "qwen2": (Qwen2ForSequenceClassification, Qwen2Config, dict(tie_word_embeddings=True), torch.float32),
    "qwen3": (Qwen3ForSequenceClassification, Qwen3Config, dict(tie_word_embeddings=False, head_dim=8), torch.bfloat16),
    "llama": (LlamaForSequenceClassification, LlamaConfig, dict(tie_word_embeddings=False), torch.float32),
}
LENGTHS = [1, 2, 17, 40, 5, 33]


def main(out):
    torch.manual_seed(0)
    for name, (model_class, config_class, options, dtype) in MODELS.items():
        model = model_class(config_class(**{**SMALL, **options})).eval()
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                parameter.normal_(0, 0.3 if parameter.dim() == 2 else 0.1)
                if "norm" in parameter_name:
                    parameter.add_(1)
                parameter.copy_(parameter.to(dtype).float())
            # The padding token ends two of them: the score is that of the last token before it.
            sequences = [torch.randint(4, SMALL["vocab_size"], (length,)).tolist() for length in LENGTHS]
            sequences += [sequences[2] + [3, 3], [9, 3, 8, 3]]
            scores = [model(torch.tensor([ids])).logits[0, 0].item() for ids in sequences]
        model.to(dtype).save_pretrained(out / name)
        (out / name / "expected.json").write_text(json.dumps(dict(sequences=sequences, scores=scores)) + "\n")


main(pathlib.Path(sys.argv[1]))
