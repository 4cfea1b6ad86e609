# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/optim/adamw.json: what torch.optim.AdamW and torch.nn.utils.clip_grad_norm_ do to given gradients.

Needs torch (written with 2.11). Run from the repository root, no arguments.
"""
import json
import torch

SIZES = [12, 5]
STEPS = 10


def trajectory(dtype, weight_decay, beta2, clip, generator):
    """Values of two parameters, of which the second has no weight decay, after each step."""
    values = [torch.randn(n, generator=generator, dtype=torch.float64).to(dtype) for n in SIZES]
    parameters = [torch.nn.Parameter(v.clone()) for v in values]
    optimizer = torch.optim.AdamW([{"params": parameters[:1], "weight_decay": weight_decay},
                                   {"params": parameters[1:], "weight_decay": 0.0}], lr=0.0, betas=(0.9, beta2))
    out = {"dtype": str(dtype).split(".")[-1], "weight_decay": weight_decay, "beta2": beta2, "clip": clip,
           "start": [v.tolist() for v in values], "steps": []}
    for step in range(STEPS):
        gradients = [(torch.randn(n, generator=generator, dtype=torch.float64) * 10.0**-(step % 4)).to(dtype)
                     for n in SIZES]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip) if clip else torch.tensor(0.0)
        rate = 1e-2 * (step + 1) / STEPS
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        out["steps"].append({"rate": rate, "gradients": [g.tolist() for g in gradients], "norm": norm.item(),
                             "values": [p.tolist() for p in parameters]})
    return out


def clipping(generator):
    out = []
    for max_norm in (0.1, 1.0, 5.0, 1e3):
        for scale in (1e-4, 1.0, 100.0):
            gradients = [scale * torch.randn(n, generator=generator, dtype=torch.float64) for n in SIZES]
            parameters = [torch.nn.Parameter(torch.zeros(n, dtype=torch.float64)) for n in SIZES]
            for parameter, gradient in zip(parameters, gradients):
                parameter.grad = gradient.clone()
            norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
            out.append({"max_norm": max_norm, "gradients": [g.tolist() for g in gradients], "norm": norm.item(),
                        "clipped": [p.grad.tolist() for p in parameters]})
    at_limit = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    at_limit.grad = torch.tensor([0.6, 0.8], dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_([at_limit], 1.0)
    out.append({"max_norm": 1.0, "gradients": [[0.6, 0.8]], "norm": norm.item(), "clipped": [at_limit.grad.tolist()]})
    return out


if __name__ == "__main__":
    generator = torch.Generator().manual_seed(3)
    data = {"runs": [trajectory(torch.float32, 0.0, 0.999, 0, generator),
                     trajectory(torch.float32, 0.1, 0.95, 0, generator),
                     trajectory(torch.float32, 0.1, 0.999, 0.5, generator),
                     trajectory(torch.float64, 0.1, 0.999, 0.5, generator)],
            "clipping": clipping(generator)}
    with open("tests/data/optim/adamw.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")
