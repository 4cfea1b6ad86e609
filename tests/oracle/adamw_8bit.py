# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/optim/adamw_8bit.json: the dynamic maps of bitsandbytes, AdamW with moments that are rounded to their
nearest levels, and what bitsandbytes' own AdamW8bit makes of the same gradients on the CPU, whose search for a level is
not exact.

Needs bitsandbytes (written with 0.50.2) and torch. Run from the repository root, no arguments.
"""
import json
import bitsandbytes
import torch
from bitsandbytes.functional import create_dynamic_map

SIZE = 5000
STEPS = 6
EVERY = 37


def gradients(step):
    """Exact in f32, of five scales, and far enough from 0 that no second moment is below the smallest level."""
    i = torch.arange(SIZE)
    k = (i * 7919 + step * 104729) % 901 + 100
    sign = 1 - 2 * ((i * 31 + step * 17) % 3 == 0).long()
    return (sign * k).float() / 1024 * 2.0 ** -(i % 5).float()


def start():
    return ((torch.arange(SIZE) * 613) % 2001 - 1000).float() / 1024


def quantized(x, levels):
    """Codes and scales of blocks of 256."""
    padded = torch.nn.functional.pad(x, (0, -SIZE % 256)).view(-1, 256)
    scales = padded.abs().amax(1)
    codes = torch.bucketize(padded / scales[:, None], (levels[:-1] + levels[1:]) / 2)
    return codes.view(-1)[:SIZE], scales


def loaded(codes, scales, levels):
    return levels[codes] * scales.repeat_interleave(256)[:SIZE]


def run(weight_decay, beta2):
    rate, beta1 = 1e-2, 0.9
    signed, unsigned = create_dynamic_map(signed=True), create_dynamic_map(signed=False)
    value, m, v = start(), torch.zeros(SIZE), torch.zeros(SIZE)
    for t in range(1, STEPS + 1):
        g = gradients(t - 1)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        value = value * (1 - rate * weight_decay)
        value = value - rate / (1 - beta1**t) * m / (v.sqrt() / (1 - beta2**t)**0.5 + 1e-8)
        first, second = quantized(m, signed), quantized(v, unsigned)
        m, v = loaded(*first, signed), loaded(*second, unsigned)
    parameter = torch.nn.Parameter(start())
    optimizer = bitsandbytes.optim.AdamW8bit([parameter], lr=rate, betas=(beta1, beta2), weight_decay=weight_decay)
    for step in range(STEPS):
        parameter.grad = gradients(step)
        optimizer.step()
    return {"weight_decay": weight_decay, "beta2": beta2, "values": value[::EVERY].tolist(),
            "first": first[0][::EVERY].tolist(), "second": second[0][::EVERY].tolist(),
            "first_scale": first[1].tolist(), "second_scale": second[1].tolist(),
            "bitsandbytes": parameter.detach()[::EVERY].tolist()}


if __name__ == "__main__":
    data = {"signed": create_dynamic_map(signed=True).tolist(), "unsigned": create_dynamic_map(signed=False).tolist(),
            "size": SIZE, "steps": STEPS, "every": EVERY, "runs": [run(0.0, 0.999), run(0.1, 0.95)]}
    with open("tests/data/optim/adamw_8bit.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
