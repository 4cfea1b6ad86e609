# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/optim/schedule.json: learning rates of transformers' schedules, update by update.

Needs torch and transformers (written with 2.11 and 5.23). Run from the repository root, no arguments.
"""
import json
import torch
from transformers import get_scheduler

PEAK = 1e-6
NAMES = {"constant_with_warmup": "Constant", "linear": "Linear", "cosine": "Cosine", "cosine_with_min_lr": "Cosine"}


def rates(name, warmup, total, min_ratio):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=PEAK)
    extra = {"min_lr_rate": min_ratio} if name == "cosine_with_min_lr" else {}
    schedule = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total,
                             scheduler_specific_kwargs=extra)
    out = []
    for _ in range(total):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return out


if __name__ == "__main__":
    data = [{"name": name, "decay": decay, "warmup": warmup, "total": total, "min_ratio": min_ratio, "peak": PEAK,
             "rates": rates(name, warmup, total, min_ratio)}
            for name, decay in NAMES.items()
            for warmup, total in ((0, 20), (5, 20), (1, 3), (20, 20))
            for min_ratio in ((0.1, 0.5) if name == "cosine_with_min_lr" else (0.0,))]
    with open("tests/data/optim/schedule.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")
