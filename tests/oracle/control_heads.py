# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/control/heads.json: log-probs and entropies of torch.distributions, and their gradients.

Needs torch (written with 2.11). Run from the repository root, no arguments. All in double.
"""
import json

import torch


def graded(distribution, log_prob, entropy, leaves):
    out = {"log_prob": log_prob.item(), "entropy": entropy.item()}
    for name, value in (("d_log_prob", log_prob), ("d_entropy", entropy)):
        gradients = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
        out[name] = [(torch.zeros_like(x) if g is None else g).tolist() for x, g in zip(leaves, gradients)]
    return out


def categorical(generator, scale):
    logits = (scale * torch.randn(3, generator=generator, dtype=torch.float64)).requires_grad_()
    distribution = torch.distributions.Categorical(logits=logits)
    action = int(torch.randint(3, (1,), generator=generator))
    return {"logits": logits.tolist(), "action": action} | graded(
        distribution, distribution.log_prob(torch.tensor(action)), distribution.entropy(), [logits])


def gaussian(generator, scale):
    mean = torch.randn(3, generator=generator, dtype=torch.float64).requires_grad_()
    log_deviation = (0.5 * torch.randn(3, generator=generator, dtype=torch.float64)).requires_grad_()
    action = mean.detach() + scale * torch.randn(3, generator=generator, dtype=torch.float64)
    distribution = torch.distributions.Normal(mean, log_deviation.exp())
    return {"mean": mean.tolist(), "log_deviation": log_deviation.tolist(), "action": action.tolist()} | graded(
        distribution, distribution.log_prob(action).sum(), distribution.entropy().sum(), [mean, log_deviation])


def main():
    generator = torch.Generator().manual_seed(0)
    out = {"categorical": [categorical(generator, s) for s in (0.1, 1, 1, 5, 30)],
           "gaussian": [gaussian(generator, s) for s in (0.1, 1, 1, 5)]}
    with open("tests/data/control/heads.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
