# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/updates_trl.json: eight updates of one batch, each by TRL's own loss and torch's AdamW.

The policy is a table of logits: a token's distribution is the softmax of the row that its context names. On recorded
completions four minibatches in each of two epochs go through `GRPOTrainer._compute_loss` or `RLOOTrainer._compute_loss`
(on the stand-in of objective_trl.py, whose forward is the table's), are clipped by norm and stepped, in float64. The
minibatches hold equally many tokens, since TRL divides by an average minibatch's where Grove divides by its own.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import json
import torch
from trl import RLOOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer
from objective_trl import BASE, sampler_ratio, stand_in
from trl_products import settings

CONTEXTS, WORDS, GROUP = 6, 5, 4
LENGTHS = [3, 5, 7, 5, 2, 6, 8, 4, 1, 9, 5, 5, 10, 2, 4, 4]
PLAN = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15],  # 20 tokens each
        [12, 8, 7, 1], [9, 4, 14, 3], [6, 0, 15, 10], [2, 13, 5, 11]]
RATE, DECAY, MAX_NORM = 0.1, 0.02, 0.3
N = sum(LENGTHS)
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(12)


def pad(column):
    return torch.nn.utils.rnn.pad_sequence(torch.split(column, LENGTHS), batch_first=True)


def outputs(table, batch):
    """Log-probs of the tokens and entropies of their distributions."""
    rows = torch.log_softmax(table[batch["contexts"]], -1)
    return rows.gather(1, batch["tokens"][:, None]).squeeze(1), -(rows.exp() * rows).sum(-1)


def make_batch():
    start = torch.randn(CONTEXTS, WORDS, generator=generator)
    contexts = torch.randint(CONTEXTS, (N,), generator=generator)
    tokens = torch.multinomial(torch.softmax(start[contexts], -1), 1, generator=generator).squeeze(1)
    batch = {"start": start, "contexts": contexts, "tokens": tokens,
             "rewards": torch.rand(len(LENGTHS), 2, generator=generator).round(decimals=2)}
    batch["old"] = outputs(start, batch)[0]
    batch["sampled"] = batch["old"] + 0.2 * torch.randn(N, generator=generator)
    return batch


def advantages(batch, case):
    rewards = (batch["rewards"] * torch.tensor([1.0, 0.5])).sum(1).view(-1, GROUP)
    if case["loss_type"] == "rloo":
        return (rewards - (rewards.sum(1, keepdim=True) - rewards) / (GROUP - 1)).flatten()
    return ((rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)).flatten()


def high_entropy(trainer):
    """TRL's mask with its threshold in float64: entropies of one context are equal, and rounding would part them."""
    def mask(*arguments):
        rounded, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
        try:
            return GRPOTrainer.get_high_entropy_mask(trainer, *arguments)
        finally:
            torch.Tensor.float = rounded
    return mask


def run(batch, case):
    trainer = stand_in({**case, "micro_batches": [[]]})
    trainer.args.steps_per_generation = len(PLAN) // 2
    trainer.get_high_entropy_mask = high_entropy(trainer)
    table = batch["start"].clone().requires_grad_()
    optimizer = torch.optim.AdamW([table], lr=RATE, weight_decay=DECAY)
    mask, advantage, updates = pad(torch.ones(N)), advantages(batch, case), []
    ids = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    for rows in PLAN:
        log_p, entropy = outputs(table, batch)
        trainer._get_per_token_logps_and_entropies = lambda *a, **k: (pad(log_p)[rows], pad(entropy)[rows], None)
        inputs = {"prompt_ids": ids[rows, :1], "prompt_mask": ids[rows, :1] + 1, "completion_ids": ids[rows],
                  "completion_mask": mask[rows], "advantages": advantage[rows], "num_items_in_batch": mask.sum(),
                  "old_per_token_logps": pad(batch["old"])[rows], "ref_per_token_logps": pad(batch["old"])[rows],
                  "sampling_per_token_logps": pad(batch["sampled"])[rows],
                  "old_logps": pad(batch["old"]).sum(1)[rows]}
        if case["mode"]:
            inputs["importance_sampling_ratio"] = sampler_ratio(pad(batch["old"] - batch["sampled"]), case)[rows]
        kind = RLOOTrainer if case["loss_type"] == "rloo" else GRPOTrainer
        loss = kind._compute_loss(trainer, None, inputs)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([table], MAX_NORM)
        optimizer.step()
        metrics = {name: trainer._metrics["train"][name][-1] for name in METRICS if name in trainer._metrics["train"]}
        updates.append({"loss": loss.item(), "norm": norm.item(), "metrics": metrics})
    name = "rloo" if case["loss_type"] == "rloo" else "trl"
    return {"algorithm": name, "settings": settings(case) if name == "trl" else [], "updates": updates,
            "final": table.flatten().tolist(), "coefficient": trainer.entropy_coef}


METRICS = ("kl", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "cispo_clip_ratio")
START = {**BASE, "scale": "group", "order": "sum_then_normalize", "rho_min": 0.8, "rho_max": 1.3}
NARROW = {"level": "sequence", "low": 0.02, "high": 0.03}
CASES = [
    dict(), dict(beta=0.1), dict(beta=0.3, bias_correction=True), dict(delta=1.25, beta=0.1), dict(**NARROW),
    dict(**NARROW, delta=1.05, beta=0.1), dict(loss_type="dr_grpo"), dict(loss_type="dapo", high=0.28),
    dict(loss_type="bnpo"), dict(loss_type="cispo", high=1.1), dict(loss_type="sapo", beta=0.1),
    dict(loss_type="sapo", level="sequence"), dict(loss_type="luspo", **NARROW), dict(loss_type="vespo"),
    dict(loss_type="vespo", mode="token_truncate"), dict(loss_type="vespo", mode="token_mask"),
    dict(mode="token_truncate"), dict(mode="token_mask", loss_type="dapo"), dict(mode="sequence_truncate", **NARROW),
    dict(mode="sequence_mask", beta=0.1), dict(off_policy=0.01), dict(loss_type="dapo", top_entropy=0.4),
    dict(loss_type="dapo", top_entropy=0.4, entropy_coef=0.05), dict(adaptive=True, entropy_coef=0.01, loss_type="dapo"),
    dict(loss_type="rloo"),
]

if __name__ == "__main__":
    recorded = make_batch()
    done = [run(recorded, {**START, **case}) for case in CASES]
    for case, out in zip(CASES, done):
        if case.get("adaptive"):
            out["settings"] += ["use_adaptive_entropy=true", "entropy_target=1.4", "entropy_coef_delta=0.005",
                                "entropy_coef_min=0", "entropy_coef_max=0.02"]
        print(case, [round(u["norm"], 3) for u in out["updates"]],
              [round(u["metrics"].get("clip_ratio/region_mean", 0), 2) for u in out["updates"]])
    out = {"lengths": LENGTHS, "plan": PLAN, "rate": RATE, "decay": DECAY, "max_norm": MAX_NORM, "group": GROUP,
           "contexts": CONTEXTS, "words": WORDS, "start": recorded["start"].flatten().tolist(),
           "context": recorded["contexts"].tolist(), "token": recorded["tokens"].tolist(),
           "sampled": recorded["sampled"].tolist(), "rewards": recorded["rewards"].tolist(), "cases": done}
    with open("tests/data/objective/updates_trl.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")
