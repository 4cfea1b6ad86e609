# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/trl.json: every option of TRL's loss that has a composition here, in float64.

`GRPOTrainer._compute_loss` and `RLOOTrainer._compute_loss` themselves run on a stand-in that holds their options; the
model's forward is replaced by columns that require gradients. The ratio between sampler and trainer is re-derived
after `_generate_and_score_completions`, which cannot be called without a model. The rows and the batch's shape are
those of objective.py.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import json
from collections import defaultdict
from types import SimpleNamespace
import torch
from trl import RLOOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer
import objective
from objective import ALL, HALVES, LENGTHS, pad

COLUMNS = ("log_p", "log_p_old", "log_p_ref", "log_p_rollout", "entropy")
METRICS = ("kl", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "cispo_clip_ratio")
TRUNCATED = [0, 1, 0, 0, 0, 1, 0, 0]


def make_batch():
    batch = objective.make_batch()
    noise = torch.Generator().manual_seed(31)
    batch["log_p_rollout"] = batch["log_p_old"] + 0.2 * torch.randn(sum(LENGTHS), generator=noise)
    return batch


def mask_of(batch, case):
    mask = pad(batch["counts"])
    return mask * (1 - torch.tensor(TRUNCATED))[:, None] if case["truncated"] else mask


def sampler_ratio(difference, case):
    """What TRL multiplies the loss with, of log-probs less the sampler's [sequences, tokens], 0 where none counts:
    clamped or masked, by token or by the sequence's product."""
    if case["mode"].startswith("sequence"):
        difference = difference.sum(-1, keepdim=True)
    ratio = difference.exp()
    if case["mode"].endswith("truncate"):
        return ratio.clamp(case["rho_min"], case["rho_max"])
    return ratio.masked_fill((ratio < case["rho_min"]) | (ratio > case["rho_max"]), 0.0)


def stand_in(case):
    parts = len(case["micro_batches"])
    trainer = SimpleNamespace(
        aux_loss_enabled=False, top_entropy_quantile=case["top_entropy"],
        off_policy_mask_threshold=case["off_policy"], use_vllm=case["mode"] is not None,
        vllm_importance_sampling_correction=True, importance_sampling_level=case["level"], beta=case["beta"],
        loss_type=case["loss_type"], epsilon_low=case["low"], epsilon_high=case["high"], max_completion_length=20,
        args=SimpleNamespace(use_bias_correction_kl=case["bias_correction"], delta=case["delta"],
                             steps_per_generation=parts, sapo_temperature_pos=1.0, sapo_temperature_neg=1.05,
                             vespo_k_pos=2.0, vespo_lambda_pos=3.0, vespo_k_neg=3.0, vespo_lambda_neg=2.0,
                             entropy_target=1.4, entropy_coef_delta=0.005, entropy_coef_min=0.0,
                             entropy_coef_max=0.02),
        model=SimpleNamespace(training=True), current_gradient_accumulation_steps=parts,
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x,
                                    pad_across_processes=lambda x, dim, pad_index: x, sync_gradients=True),
        _entropy_bonus_enabled=case["entropy_coef"] != 0 or case["adaptive"], use_adaptive_entropy=case["adaptive"],
        entropy_coef=case["entropy_coef"], _last_world_entropy=float("inf"), _entropy_window_stats=None,
        _metrics=defaultdict(lambda: defaultdict(list)), get_off_policy_mask=GRPOTrainer.get_off_policy_mask,
        get_gamma_weights=GRPOTrainer.get_gamma_weights)
    trainer.get_high_entropy_mask = lambda *a: GRPOTrainer.get_high_entropy_mask(trainer, *a)
    return trainer


def loss_of(trainer, batch, case, leaf, entropy, rows):
    mask = mask_of(batch, case)
    trainer._get_per_token_logps_and_entropies = lambda *a, **k: (pad(leaf)[rows], pad(entropy)[rows], None)
    ids = torch.zeros(len(rows), max(LENGTHS), dtype=torch.long)
    inputs = {"prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1] + 1, "completion_ids": ids,
              "completion_mask": mask[rows], "advantages": batch["advantage"][rows],
              "old_per_token_logps": pad(batch["log_p_old"])[rows],
              "ref_per_token_logps": pad(batch["log_p_ref"])[rows],
              "sampling_per_token_logps": pad(batch["log_p_rollout"])[rows],
              "num_items_in_batch": mask.sum()}
    if case["loss_type"] == "rloo":
        inputs["old_logps"] = (pad(batch["log_p_old"]) * mask).sum(1)[rows]
        inputs["advantages"] = inputs["advantages"] * (mask[rows].sum(1) > 0)  # TRL has no completion without a token
        return RLOOTrainer._compute_loss(trainer, None, inputs)
    if case["mode"]:
        difference = (pad(batch["log_p_old"]) - pad(batch["log_p_rollout"])) * mask
        inputs["importance_sampling_ratio"] = sampler_ratio(difference, case)[rows]
    return GRPOTrainer._compute_loss(trainer, None, inputs)


def run(batch, case, trainer=None):
    trainer = trainer or stand_in(case)
    leaf = batch["log_p"].clone().requires_grad_()
    entropy = batch["entropy"].clone().requires_grad_()
    loss = sum(loss_of(trainer, batch, case, leaf, entropy, rows) for rows in case["micro_batches"])
    d_log_p, d_entropy = torch.autograd.grad(loss, [leaf, entropy], allow_unused=True)
    out = {"loss": loss.item(), "d_log_p": d_log_p.tolist(),
           "d_entropy": (torch.zeros_like(leaf) if d_entropy is None else d_entropy).tolist()}
    if len(case["micro_batches"]) == 1:
        out["metrics"] = {name: values[-1] for name, values in trainer._metrics["train"].items()
                          if name in METRICS and case["loss_type"] != "rloo"}
    return out


def adaptive(batch):
    """Six optimizer steps in which the entropy crosses the target both ways."""
    case = {**BASE, "loss_type": "dapo", "adaptive": True, "entropy_coef": 0.01}
    trainer, steps = stand_in(case), []
    for factor in (1.2, 0.8, 0.7, 0.75, 1.1, 0.6):
        out = run({**batch, "entropy": factor * batch["entropy"]}, case, trainer)
        steps.append({"factor": factor, "loss": out["loss"], "d_entropy": out["d_entropy"],
                      "coefficient": trainer.entropy_coef})
    return steps


BASE = dict(loss_type="grpo", level="token", low=0.2, high=0.2, delta=None, beta=0.0, bias_correction=False,
            top_entropy=1.0, off_policy=None, mode=None, rho_min=0.8, rho_max=1.3, entropy_coef=0.0, adaptive=False,
            truncated=False, micro_batches=ALL)
CASES = {
    "grpo": dict(beta=0.04),
    "grpo local": dict(micro_batches=HALVES),
    "bnpo": dict(loss_type="bnpo", micro_batches=HALVES),
    "dr_grpo": dict(loss_type="dr_grpo"),
    "dapo": dict(loss_type="dapo", high=0.28, micro_batches=HALVES),
    "cispo": dict(loss_type="cispo", high=1.1, micro_batches=HALVES),
    "sapo": dict(loss_type="sapo", beta=0.04),
    "luspo": dict(loss_type="luspo", level="sequence", low=0.02, high=0.03),
    "luspo token": dict(loss_type="luspo"),
    "vespo": dict(loss_type="vespo", micro_batches=HALVES),
    "vespo with sampler": dict(loss_type="vespo", mode="token_truncate", rho_min=None, rho_max=1e30),
    "gspo": dict(level="sequence", low=0.02, high=0.03, beta=0.04),
    "delta": dict(delta=1.35, beta=0.04),
    "delta sequence": dict(delta=1.1, level="sequence", low=0.02, high=0.03),
    "bias correction": dict(beta=0.3, bias_correction=True),
    "top entropy": dict(loss_type="dapo", top_entropy=0.3),
    "top entropy with bonus": dict(loss_type="dapo", top_entropy=0.3, entropy_coef=0.02),
    "entropy bonus": dict(entropy_coef=0.02),
    "off-policy mask": dict(off_policy=0.02, beta=0.04),
    "token_truncate": dict(mode="token_truncate"),
    "token_mask": dict(mode="token_mask", beta=0.04),
    "sequence_truncate": dict(mode="sequence_truncate"),
    "sequence_mask": dict(mode="sequence_mask"),
    "sequence_mask of gspo": dict(mode="sequence_mask", level="sequence", low=0.02, high=0.03),
    "token_truncate of cispo": dict(mode="token_truncate", loss_type="cispo", high=1.1),
    "truncated": dict(truncated=True, beta=0.04),
    "truncated dapo": dict(truncated=True, loss_type="dapo"),
    "rloo": dict(loss_type="rloo", low=0.3, high=0.4),
}

if __name__ == "__main__":
    columns = make_batch()
    cases = []
    for name, options in CASES.items():
        case = {**BASE, **options}
        cases.append({"name": name, "micro_batches": case["micro_batches"], "truncated": case["truncated"],
                      **run(columns, case)})
    data = {"lengths": LENGTHS, **{name: columns[name].tolist() for name in COLUMNS},
            "counts": columns["counts"].tolist(), "advantage": columns["advantage"].tolist(),
            "is_truncated": TRUNCATED, "cases": cases, "adaptive": adaptive(columns)}
    with open("tests/data/objective/trl.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")
