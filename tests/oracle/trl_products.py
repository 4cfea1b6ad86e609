# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/trl_products.json: products of TRL's options, each as TRL's own code computes it.

`GRPOTrainer._compute_loss` runs in float64 on the stand-in of objective_trl.py, on one batch of ragged completions, for
every legal loss_type and importance_sampling_level with every value of the other options, one by one and several at a
time. What `_generate_and_score_completions` would hand it (advantages; the ratio between sampler and trainer) cannot be
computed by TRL without a model and is derived here as that method does. A case is the settings of
`open_rs objective --algorithm trl` and the expected loss and derivatives.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import itertools
import json
import torch
from trl.trainer.grpo_trainer import GRPOTrainer

from objective_trl import BASE, sampler_ratio, stand_in

LENGTHS = [4, 3, 1, 5, 0, 2, 3, 4]
GROUPS = [0, 0, 0, 0, 1, 1, 1, 1]
TRUNCATED = [0, 1, 0, 0, 0, 0, 1, 0]
WEIGHTS = [1.0, 0.5]
LEGAL = [("grpo", "token"), ("grpo", "sequence"), ("dr_grpo", "token"), ("dapo", "token"), ("bnpo", "token"),
         ("cispo", "token"), ("sapo", "token"), ("sapo", "sequence"), ("luspo", "sequence"), ("vespo", "token")]
MODES = ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]
generator = torch.Generator().manual_seed(5)


def noise(scale):
    return scale * torch.randn(sum(LENGTHS), generator=generator)


def pad(column):
    return torch.nn.utils.rnn.pad_sequence(torch.split(column, LENGTHS), batch_first=True)


def make_batch():
    log_p = -0.05 - 2 * torch.rand(sum(LENGTHS), generator=generator)
    old = log_p + noise(0.4)
    chosen = torch.ones(sum(LENGTHS))
    chosen[[2, 9]] = 0  # tokens that the policy did not choose
    return {"log_p": log_p, "old": old, "ref": log_p + noise(0.4), "sampled": old + noise(0.3),
            "entropy": 3 * torch.rand(sum(LENGTHS), generator=generator), "chosen": chosen,
            "rewards": torch.rand(len(LENGTHS), len(WEIGHTS), generator=generator).round(decimals=2)}


def advantages(rewards, case):
    grouped = rewards.view(2, 4, -1)
    if case["order"] == "normalize_then_sum":
        each = (grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)
        total = (each.view_as(rewards) * torch.tensor(WEIGHTS)).sum(1)
        return (total - total.mean()) / (total.std() + 1e-4)
    total = (grouped * torch.tensor(WEIGHTS)).sum(-1)
    centred = total - total.mean(1, keepdim=True)
    if case["scale"] == "group":
        centred = centred / (total.std(1, keepdim=True) + 1e-4)
    if case["scale"] == "batch":
        centred = centred / (total.std() + 1e-4)
    return centred.flatten()


def run(batch, case):
    trainer = stand_in(case)
    mask = pad(batch["chosen"])
    if case["truncated"]:
        mask = mask * (1 - torch.tensor(TRUNCATED))[:, None]
    log_p, entropy = batch["log_p"].clone().requires_grad_(), batch["entropy"].clone().requires_grad_()
    trainer._get_per_token_logps_and_entropies = lambda *a, **k: (pad(log_p), pad(entropy), None)
    ids = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    inputs = {"prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1] + 1, "completion_ids": ids, "completion_mask": mask,
              "advantages": advantages(batch["rewards"], case), "num_items_in_batch": mask.sum(),
              "old_per_token_logps": pad(batch["old"]), "ref_per_token_logps": pad(batch["ref"]),
              "sampling_per_token_logps": pad(batch["sampled"])}
    if case["mode"]:
        difference = pad(batch["old"] - batch["sampled"]) * mask
        inputs["importance_sampling_ratio"] = sampler_ratio(difference, case)
    loss = GRPOTrainer._compute_loss(trainer, None, inputs)
    d_log_p, d_entropy = torch.autograd.grad(loss, [log_p, entropy], allow_unused=True)
    digits = lambda column: [float(f"{x:.8g}") for x in column.tolist()]
    out = {"settings": settings(case), "loss": loss.item(), "d_log_prob": digits(d_log_p)}
    if d_entropy is not None:
        out["d_entropy"] = digits(d_entropy)
    return out


def settings(case):
    """The same case as --set key=value."""
    pairs = {"loss_type": case["loss_type"], "importance_sampling_level": case["level"],
             "scale_rewards": case["scale"], "multi_objective_aggregation": case["order"],
             "beta": case["beta"], "use_bias_correction_kl": case["bias_correction"],
             "top_entropy_quantile": case["top_entropy"], "entropy_coef": case["entropy_coef"],
             "mask_truncated_completions": case["truncated"], "reward_weights": ",".join(map(str, WEIGHTS)),
             "vllm_importance_sampling_correction": case["mode"] is not None}
    if case["loss_type"] in ("grpo", "dr_grpo", "dapo", "bnpo", "luspo"):
        pairs |= {"epsilon": case["low"], "epsilon_high": case["high"]}
        if case["delta"] is not None:
            pairs["delta"] = case["delta"]
    if case["loss_type"] == "cispo":
        pairs["epsilon_high"] = case["high"]
    if case["loss_type"] == "dr_grpo":
        pairs["max_completion_length"] = 20  # the stand-in's
    if case["off_policy"] is not None:
        pairs["off_policy_mask_threshold"] = case["off_policy"]
    if case["mode"] is not None:
        pairs |= {"vllm_importance_sampling_mode": case["mode"], "vllm_importance_sampling_clip_min": case["rho_min"],
                  "vllm_importance_sampling_clip_max": case["rho_max"]}
    usual = {"scale_rewards": "group", "multi_objective_aggregation": "sum_then_normalize", "beta": 0.0,
             "use_bias_correction_kl": False, "top_entropy_quantile": 1.0, "entropy_coef": 0.0,
             "mask_truncated_completions": False, "vllm_importance_sampling_correction": True}
    return [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in pairs.items()
            if key not in usual or value != usual[key]]


def cases():
    for loss_type, level in LEGAL:
        wide = {"low": 0.02, "high": 0.03} if level == "sequence" else {"low": 0.2, "high": 0.28}
        if loss_type == "cispo":
            wide = {"high": 1.1}
        start = {**BASE, "scale": "group", "order": "sum_then_normalize", "micro_batches": [list(range(8))],
                 "loss_type": loss_type, "level": level, "rho_min": 0.8, "rho_max": 1.3, **wide}
        clipped = loss_type in ("grpo", "dr_grpo", "dapo", "bnpo", "luspo")
        modes = MODES[:2] if loss_type == "vespo" else MODES
        scales = [{}, {"scale": "batch"}, {"scale": "none"}, {"order": "normalize_then_sum"}]
        kls = [{}, {"beta": 0.04}, {"beta": 0.3, "bias_correction": True}]
        others = [{"delta": 1.1 if level == "sequence" else 1.35}] if clipped else []
        others += [{"top_entropy": 0.5}, {"entropy_coef": 0.02}, {"top_entropy": 0.5, "entropy_coef": 0.02},
                   {"off_policy": 0.02}, {"truncated": True}, *({"mode": mode} for mode in modes)]
        for scale, kl in itertools.product(scales, kls):
            yield {**start, **scale, **kl}
        for kl, other in itertools.product(kls[::2], others):
            yield {**start, **kl, **other}
        for mode in modes:
            yield {**start, "beta": 0.04, "mode": mode, "off_policy": 0.02, "top_entropy": 0.5, "truncated": True,
                   "scale": "batch"}


def main():
    batch = make_batch()
    ragged = lambda column: [x.tolist() for x in torch.split(column, LENGTHS)]
    line = {"log_probs": ragged(batch["log_p"]), "old_log_probs": ragged(batch["old"]),
            "ref_log_probs": ragged(batch["ref"]), "sampled_log_probs": ragged(batch["sampled"]),
            "entropies": ragged(batch["entropy"]), "masks": [[int(x) for x in row] for row in ragged(batch["chosen"])],
            "rewards": batch["rewards"].tolist(), "groups": GROUPS, "truncated": [bool(x) for x in TRUNCATED]}
    done = [run(batch, case) for case in cases()]
    print(len(done), "products")
    with open("tests/data/objective/trl_products.json", "w") as file:
        file.write('{"line":' + json.dumps(line, separators=(",", ":")) + ',\n"cases":[\n')
        file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in done) + "\n]}\n")


if __name__ == "__main__":
    main()
