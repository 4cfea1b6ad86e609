"""Rows that torch.randperm draws, for tests/data/torch_order.cpp: the first two permutations of one generator."""
import torch


def report(n, seed):
    generator = torch.Generator().manual_seed(seed)
    first = torch.randperm(n, generator=generator).tolist()
    second = torch.randperm(n, generator=generator).tolist()
    print(n, seed, first[:12], first[-4:], second[:6])


for n, seed in [(12, 42), (7000, 42), (18615, 42), (7000, 7)]:
    report(n, seed)
