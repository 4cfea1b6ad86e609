# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/io/safetensors: files of the reference implementation and the values that torch reads from them.

Run: python tests/oracle/safetensors_files.py   (needs torch and safetensors; no network)
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

out = pathlib.Path(__file__).parent.parent / "data" / "io" / "safetensors"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)

# One file with every type that a model may hold, odd sizes, a scalar and an empty tensor.
special = torch.tensor([0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), 6.1e-5, 5.96e-8, 65504.0])
mixed = {
    "a.f32": torch.randn(3, 5),
    "b.bf16": torch.randn(7).to(torch.bfloat16),
    "c.f16": special.to(torch.float16),
    "d.scalar": torch.tensor(2.5),
    "e.empty": torch.zeros(0, 4),
    "f.i64": torch.arange(3),
    "g.bool": torch.tensor([True, False, True]),
}
save_file(mixed, out / "mixed.safetensors", metadata={"format": "pt", "note": "hello"})

# The same weights in two shards with an index, as transformers writes them.
folder = out / "sharded"
folder.mkdir(exist_ok=True)
first = {"x": torch.randn(2, 3), "y": torch.randn(4).to(torch.bfloat16)}
second = {"z": torch.randn(3, 1)}
save_file(first, folder / "model-00001-of-00002.safetensors", metadata={"format": "pt"})
save_file(second, folder / "model-00002-of-00002.safetensors", metadata={"format": "pt"})
index = {
    "metadata": {"total_size": sum(t.numel() * t.element_size() for t in [*first.values(), *second.values()])},
    "weight_map": {"x": "model-00001-of-00002.safetensors", "y": "model-00001-of-00002.safetensors",
                   "z": "model-00002-of-00002.safetensors"},
}
(folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")

# Values as f32 bit patterns, since JSON has no infinities.
bits = lambda t: t.to(torch.float32).flatten().view(torch.int32).tolist()  # noqa: E731
expected = {
    name: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "bits": bits(t)}
    for name, t in {**mixed, **first, **second}.items()
    if t.is_floating_point()
}

# Rounding of f32 to bf16: the patterns around every tie, the ends of the range, and NaN.
patterns = [0x3F800000 + d for d in (0, 0x7FFF, 0x8000, 0x8001, 0x17FFF, 0x18000, 0x18001)]
patterns += [0x7F7FFFFF, 0x7F7F7FFF, 0x7F7F8000, 0x00000001, 0x00008000, 0x00018000, 0x007FFFFF, 0x80008001]
patterns += torch.randint(0, 0x7F800000, (64,)).tolist()
f32 = torch.tensor(patterns, dtype=torch.int64).to(torch.int32).view(torch.float32)
rounding = {"f32": patterns, "bf16": [v & 0xFFFF for v in f32.to(torch.bfloat16).view(torch.int16).tolist()]}
(out / "expected.json").write_text(json.dumps({"tensors": expected, "rounding": rounding}) + "\n")
