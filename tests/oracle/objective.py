# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/losses.json: losses and their derivatives by torch's autograd, in float64.

Cases with "source": "trl" run the code of TRL's `GRPOTrainer._compute_loss` itself on given log-probs (the method is
called on a stand-in that holds its options; the model's forward is replaced by columns that require gradients). Cases
with "source": "torch" are formulas written out here, where TRL has no such option. The advantages of "step" are
re-derived with TRL's own `nanstd` after `_generate_and_score_completions`, which cannot be called without a model.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import json
from collections import defaultdict
from types import SimpleNamespace
import torch
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import nanstd

LENGTHS = [5, 9, 0, 1, 7, 12, 3, 6]
GROUPS = 2
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20)


def pad(values):
    """A packed column as [sequences, longest], zero where there is no token."""
    rows = torch.split(values, LENGTHS)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def packed(padded):
    return torch.cat([row[:n] for row, n in zip(padded, LENGTHS)])


def make_batch():
    n = sum(LENGTHS)
    log_p = -0.05 - 2 * torch.rand(n, generator=generator)
    counts = torch.ones(n)
    counts[[2, 3, 17, 30]] = 0  # tokens that the policy did not choose
    return {
        "log_p": log_p,
        "log_p_old": log_p + 0.4 * torch.randn(n, generator=generator),
        "log_p_ref": log_p + 0.4 * torch.randn(n, generator=generator),
        "entropy": 3 * torch.rand(n, generator=generator),
        "counts": counts,
        "advantage": torch.tensor([1.3, -0.7, 0.4, -1.0, 0.0, 2.1, -1.6, 0.2]),
    }


def trl_loss(batch, rows, leaf, entropy, case, total):
    """TRL's loss of one micro-batch."""
    n = max(LENGTHS)
    trainer = SimpleNamespace(
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False,
        importance_sampling_level=case["ratio"], beta=case["beta"], loss_type=case["loss_type"],
        epsilon_low=case["low"], epsilon_high=case["high"], max_completion_length=case.get("length", 0),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=len(case["micro_batches"])),
        model=SimpleNamespace(training=True), current_gradient_accumulation_steps=len(case["micro_batches"]),
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x,
                                    sync_gradients=False),
        _entropy_bonus_enabled=case["entropy"] != 0, use_adaptive_entropy=False, entropy_coef=case["entropy"],
        _metrics=defaultdict(lambda: defaultdict(list)),
        _get_per_token_logps_and_entropies=lambda *a, **k: (pad(leaf)[rows], pad(entropy)[rows], None))
    mask = pad(batch["counts"])[rows]
    ids = torch.zeros(len(rows), n, dtype=torch.long)
    loss = GRPOTrainer._compute_loss(trainer, None, {
        "prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1] + 1, "completion_ids": ids, "completion_mask": mask,
        "advantages": batch["advantage"][rows], "old_per_token_logps": pad(batch["log_p_old"])[rows],
        "ref_per_token_logps": pad(batch["log_p_ref"])[rows], "num_items_in_batch": total})
    metrics = {name: values[0] for name, values in trainer._metrics["train"].items()
               if name in ("kl", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean")}
    return loss, metrics


def torch_loss(batch, rows, leaf, entropy, case, total):
    """The same for what TRL does not have: k2, an entropy bonus under a sequence mean, a sum over tokens."""
    log_p, old, ref = pad(leaf)[rows], pad(batch["log_p_old"])[rows], pad(batch["log_p_ref"])[rows]
    mask, advantage = pad(batch["counts"])[rows], batch["advantage"][rows][:, None]
    log_ratio = log_p - old
    if case["ratio"] == "sequence":
        log_ratio = ((log_ratio * mask).sum(-1) / mask.sum(-1).clamp(min=1))[:, None]
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - case["low"], 1 + case["high"])
    token = -torch.min(ratio * advantage, clipped * advantage) + 0 * log_p
    delta = log_p - ref
    kl = {"K2": delta**2 / 2, "K3": (-delta).exp() - 1 + delta}[case["kl"]]
    token = token + case["beta"] * kl - case["entropy"] * pad(entropy)[rows]
    if case["aggregate"] == "nll":
        token = -log_p
    sums = (token * mask).sum(-1)
    if case["aggregate"] == "SequenceMean":
        return (sums / mask.sum(-1).clamp(min=1)).sum() / len(LENGTHS), {}
    if case["aggregate"] == "SequenceSum":
        return sums.sum() / len(LENGTHS), {}
    return sums.sum() / total, {}


def run(batch, case):
    leaf = batch["log_p"].clone().requires_grad_()
    entropy = batch["entropy"].clone().requires_grad_()
    loss_of = {"trl": trl_loss, "torch": torch_loss}[case["source"]]
    loss, metrics = 0, {}
    for rows in case["micro_batches"]:
        part, metrics = loss_of(batch, rows, leaf, entropy, case, batch["counts"].sum())
        loss = loss + part
    d_log_p, d_entropy = torch.autograd.grad(loss, [leaf, entropy], allow_unused=True)
    d_entropy = torch.zeros_like(leaf) if d_entropy is None else d_entropy
    out = {**case, "loss": loss.item(), "d_log_p": d_log_p.tolist(), "d_entropy": d_entropy.tolist()}
    if len(case["micro_batches"]) == 1:
        out["metrics"] = metrics
    return out


def step(batch):
    """From rewards to the gradient, as one step of TRL with scale_rewards="group" and loss_type="dapo"."""
    nan = float("nan")
    rewards = torch.tensor([[1, 0, 1, 1, 0, nan, 1, 0], [0.5, nan, 0.25, -1, 0.3, nan, 0.3, nan]]).T
    weights = torch.tensor([1.0, 2.0])
    group = torch.arange(len(LENGTHS)) % GROUPS  # the sequences of a group do not lie side by side
    combined = (rewards * weights).nansum(1)
    combined[rewards.isnan().all(1)] = nan
    advantage = torch.zeros(len(LENGTHS))
    for g in range(GROUPS):
        mine = combined[group == g]
        advantage[group == g] = torch.nan_to_num((mine - mine.nanmean()) / (nanstd(mine) + 1e-4), nan=0.0)
    case = dict(CASES[2], micro_batches=[list(range(len(LENGTHS)))])
    out = run({**batch, "advantage": advantage}, case)
    return {"rewards": [[None if x != x else x for x in column] for column in rewards.T.tolist()],
            "weights": weights.tolist(), "group": group.tolist(), "advantage": advantage.tolist(),
            "reward_std": nanstd(combined).item(), **out}


def kinks():
    out = []
    for low, high in ((0.5, 0.5), (0.25, 0.5)):
        for value in (1 - low, 1.0, 1 + high, 0.1, 2.0):
            for step_size in (-1e-12, 0.0, 1e-12):
                for advantage in (1.0, -1.0, 0.0):
                    ratio = torch.tensor(value + step_size, requires_grad=True)
                    loss = -torch.min(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
                    loss.backward()
                    out.append([low, high, ratio.item(), advantage, loss.item(), ratio.grad.item()])
    return out


ALL = [list(range(8))]
HALVES = [[0, 1, 2, 3], [4, 5, 6, 7]]
BASE = dict(source="trl", ratio="token", kl="K3", low=0.2, high=0.2, beta=0.04, entropy=0.0, micro_batches=ALL)
CASES = [
    dict(BASE, name="Grpo", aggregate="SequenceMean", loss_type="grpo"),
    dict(BASE, name="Grpo without KL, upper bound raised", aggregate="SequenceMean", loss_type="grpo", beta=0.0,
         high=0.28),
    dict(BASE, name="GrpoTokenMean", aggregate="TokenMean", loss_type="dapo"),
    dict(BASE, name="GrpoTokenMean over two micro-batches", aggregate="TokenMean", loss_type="dapo",
         micro_batches=HALVES),
    dict(BASE, name="Local token mean over two micro-batches", aggregate="LocalTokenMean", loss_type="bnpo",
         micro_batches=HALVES),
    dict(BASE, name="Local sequence mean over two micro-batches", aggregate="LocalSequenceMean", loss_type="grpo",
         micro_batches=HALVES),
    dict(BASE, name="constant length", aggregate="ConstantLength", loss_type="dr_grpo", length=20),
    dict(BASE, name="sequence ratio", aggregate="SequenceMean", loss_type="grpo", ratio="sequence", low=0.02, high=0.03),
    dict(BASE, name="token mean with an entropy bonus", aggregate="TokenMean", loss_type="dapo", entropy=0.01),
    dict(BASE, name="k2", source="torch", aggregate="SequenceMean", kl="K2", beta=0.3),
    dict(BASE, name="sequence mean with an entropy bonus", source="torch", aggregate="SequenceMean", entropy=0.02),
    dict(BASE, name="sequence sum", source="torch", aggregate="SequenceSum"),
    dict(BASE, name="negative log likelihood", source="torch", aggregate="nll"),
]

if __name__ == "__main__":
    columns = make_batch()
    data = {"lengths": LENGTHS, **{name: column.tolist() for name, column in columns.items()},
            "cases": [run(columns, case) for case in CASES], "step": step(columns), "kinks": kinks()}
    with open("tests/data/objective/losses.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")
